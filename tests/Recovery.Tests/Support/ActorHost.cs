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
          loglevel = ERROR
          loggers = ["{{typeof(MistakeLogger).AssemblyQualifiedName}}"]
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

    /// <summary>An actor that fails starts again: what a test saw may have been right all the same.</summary>
    public void Dispose()
    {
        System.Terminate().Wait(TimeSpan.FromSeconds(30));
        Assert.Empty(MistakeLogger.TakeAll());
    }
}
