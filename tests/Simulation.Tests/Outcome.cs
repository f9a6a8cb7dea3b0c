using ActorBackup.Simulation.Tests.Machines;
using ActorBackup.Simulation.Tests.Model;

namespace ActorBackup.Simulation.Tests;

/// <summary>What became of a seed.</summary>
/// <param name="Violation">The promise that was broken; null = none.</param>
internal sealed record Outcome(ulong Seed, string? Violation, Trace Trace, Statistics Statistics)
{
    public ulong TraceHash => Trace.Hash;

    public override string ToString() =>
        $"seed {Seed}: {Violation ?? "fine"}\nreplay with ACTORBACKUP_SEED={Seed} dotnet test tests/Simulation.Tests (trace hash {TraceHash:x16})\n{Trace}";
}
