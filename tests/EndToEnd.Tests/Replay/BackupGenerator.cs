namespace ActorBackup.EndToEnd.Tests.Replay;

/// <summary>Backups: mostly those that are accepted, and every combination of the arguments.</summary>
/// <param name="random">Of its own.</param>
/// <param name="prefix">Of the jobs' keys.</param>
/// <param name="disks">How many there are.</param>
internal sealed class BackupGenerator(Random random, string prefix, int disks)
{
    private static readonly (string Sync, string? Mode)[] Accepted =
        [("full", "on-success"), ("full", "always"), ("bitmap", "on-success"), ("bitmap", "always"), ("bitmap", "never"), ("incremental", null), ("incremental", "on-success")];

    /// <summary>Without <c>top</c>, which does not exist here (listed).</summary>
    private static readonly string[] Syncs = ["full", "bitmap", "incremental", "none"];
    private static readonly string?[] Modes = [null, "on-success", "always", "never"];

    private int _jobs;

    public ReplayAction.Backup Next(ReplayState state, Earlier earlier)
    {
        if (random.Next(4) > 0)
        {
            return Sure(state, earlier);
        }

        var disk = BitmapNames.ChooseDisk(random, disks);
        var bitmap = random.Next(4) == 0 ? null : BitmapNames.Choose(random, state, disk);
        var (sync, mode) = (Syncs[random.Next(Syncs.Length)], Modes[random.Next(Modes.Length)]);

        // A job that copies only what the guest overwrites ends when it is cancelled, here in a repository's stead by an export: not the same thing.
        return Make(state, earlier, disk, sync == "none" && bitmap is null && mode is null ? "full" : sync, bitmap, mode);
    }

    /// <summary>One that is accepted.</summary>
    public ReplayAction.Backup Sure(ReplayState state, Earlier earlier)
    {
        var disk = random.Next(disks);
        var free = earlier.Free(state, disk);
        if (free.Count == 0 || random.Next(8) == 0)
        {
            return Make(state, earlier, disk, "full", null, null);
        }

        var (sync, mode) = Accepted[random.Next(Accepted.Length)];
        var bitmap = free[random.Next(free.Count)];

        // Else there would hardly ever be one: most bitmaps count from no point.
        return state.WithBase.Contains((disk, bitmap)) && random.Next(2) == 0
            ? Make(state, earlier, disk, "incremental", bitmap, null)
            : Make(state, earlier, disk, sync, bitmap, mode);
    }

    private ReplayAction.Backup Make(ReplayState state, Earlier earlier, int disk, string sync, string? bitmap, string? mode)
    {
        // Listed: without a base that can be used ActorBackup refuses an incremental backup, QEMU knows no bases.
        if (sync == "incremental" && bitmap is not null && mode is null or "on-success" && !HasBase(state, earlier, disk, bitmap!))
        {
            (sync, mode) = ("bitmap", "on-success");
        }

        return new ReplayAction.Backup($"{prefix}{++_jobs}", disk, sync, bitmap, mode, random.Next(3) > 0);
    }

    /// <summary>Or is not there at all.</summary>
    private static bool HasBase(ReplayState state, Earlier earlier, int disk, string bitmap) =>
        !earlier.HasAltered(disk, bitmap) && (state.WithBase.Contains((disk, bitmap)) || disk >= state.Bitmaps.Count || state.Bitmaps[disk].All(b => b.Name != bitmap));
}
