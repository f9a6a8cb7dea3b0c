namespace ActorBackup.Simulation.Tests.Model;

/// <summary>How much happened, so that a test can tell that something did.</summary>
internal sealed class Statistics
{
    public int Processes { get; set; }

    public int Crashes { get; set; }

    public int CleanStops { get; set; }

    public int Writes { get; set; }

    public int Commands { get; set; }

    public int Jobs { get; set; }

    public int Suspended { get; set; }

    public int Resumed { get; set; }

    public int Points { get; set; }

    public int Inconsistent { get; set; }

    public int Comparisons { get; set; }

    public void Add(Statistics other)
    {
        Processes += other.Processes;
        Crashes += other.Crashes;
        CleanStops += other.CleanStops;
        Writes += other.Writes;
        Commands += other.Commands;
        Jobs += other.Jobs;
        Suspended += other.Suspended;
        Resumed += other.Resumed;
        Points += other.Points;
        Inconsistent += other.Inconsistent;
        Comparisons += other.Comparisons;
    }

    public override string ToString() =>
        $"{Processes} processes, {Crashes} crashes, {CleanStops} clean stops, {Writes} writes, {Commands} commands, {Jobs} jobs, {Suspended} suspended, {Resumed} resumed, {Points} points, "
        + $"{Comparisons} comparisons of bitmaps, {Inconsistent} found inconsistent";
}
