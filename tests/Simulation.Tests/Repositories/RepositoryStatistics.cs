namespace ActorBackup.Simulation.Tests.Repositories;

/// <summary>How much happened, so that a test can tell that something did.</summary>
internal sealed class RepositoryStatistics
{
    public int Sessions { get; set; }

    public int Blocks { get; set; }

    public int Flushes { get; set; }

    public int Failures { get; set; }

    public int Retries { get; set; }

    public int Published { get; set; }

    public int Restored { get; set; }

    public int Rotten { get; set; }

    public void Add(RepositoryStatistics other)
    {
        Sessions += other.Sessions;
        Blocks += other.Blocks;
        Flushes += other.Flushes;
        Failures += other.Failures;
        Retries += other.Retries;
        Published += other.Published;
        Restored += other.Restored;
        Rotten += other.Rotten;
    }

    public override string ToString() =>
        $"{Sessions} sessions, {Blocks} blocks, {Flushes} flushes, {Failures} failures of packs, {Retries} tries again, {Published} points published, {Restored} restored, {Rotten} packs rotten";
}
