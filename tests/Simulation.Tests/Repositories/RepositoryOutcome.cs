using ActorBackup.Simulation.Tests.Machines;

namespace ActorBackup.Simulation.Tests.Repositories;

/// <summary>What became of a seed.</summary>
/// <param name="Violation">The promise that was broken; null = none.</param>
internal sealed record RepositoryOutcome(ulong Seed, string? Violation, Trace Trace, RepositoryStatistics Statistics)
{
    public ulong TraceHash => Trace.Hash;

    public override string ToString() =>
        $"seed {Seed}: {Violation ?? "fine"}\nreplay with ACTORBACKUP_SEED={Seed} dotnet test tests/Simulation.Tests --filter FullyQualifiedName~RepositoryTests (trace hash {TraceHash:x16})\n{Trace}";
}
