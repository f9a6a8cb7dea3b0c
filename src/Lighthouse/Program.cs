using System.Runtime.InteropServices;
using ActorBackup.Lighthouse;
using Akka.Actor;

// A seed node: clustering and nothing else. Other nodes name it in akka.cluster.seed-nodes.
if (!SeedOptions.TryParse(args, out var options, out var problem))
{
    await Console.Error.WriteLineAsync($"lighthouse: {problem}");
    return 2;
}

var system = ActorSystem.Create("ActorBackup", SeedConfiguration.Build(options));
using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
Console.WriteLine($"ready seed=akka.tcp://ActorBackup@{options.Host}:{options.Port}");
await system.WhenTerminated;
return 0;

void Stop(PosixSignalContext context)
{
    context.Cancel = true;
    _ = CoordinatedShutdown.Get(system).Run(CoordinatedShutdown.ClrExitReason.Instance);
}
