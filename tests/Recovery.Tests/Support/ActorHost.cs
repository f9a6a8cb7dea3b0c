using Akka.Actor;
using Akka.Actor.Setup;
using Akka.Configuration;

namespace ActorBackup.Recovery.Tests.Support;

/// <summary>One actor system for the processes of a test class, one after the other: a process's actors are stopped before the next ones start.</summary>
public sealed class ActorHost : IDisposable
{
    private static readonly Config Settings = ConfigurationFactory.ParseString(
        $$"""
        akka {
          loglevel = OFF
          stdout-loglevel = OFF
          persistence.journal.plugin = "machine"
        }
        machine {
          class = "{{typeof(MachineJournal).FullName}}, {{typeof(MachineJournal).Assembly.GetName().Name}}"
          plugin-dispatcher = "akka.actor.default-dispatcher"
        }
        """);

    public ActorHost()
    {
        System = ActorSystem.Create("recovery", ActorSystemSetup.Create(BootstrapSetup.Create().WithConfig(Settings), Journals));
    }

    public ActorSystem System { get; }

    internal MemoryJournals Journals { get; } = new();

    public void Dispose() => System.Terminate().Wait(TimeSpan.FromSeconds(30));
}
