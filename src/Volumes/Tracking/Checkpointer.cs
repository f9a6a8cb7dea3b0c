using ActorBackup.Files;
using ActorBackup.Volumes.Scheduling;

namespace ActorBackup.Volumes.Tracking;

internal enum CheckpointKind
{
    /// <summary>Stores what a command changed; intents stay as they are.</summary>
    Command,

    /// <summary>Also forgets the intents of regions that were quiet since the last one of this kind.</summary>
    Background,

    /// <summary>Also forgets the intents of all regions that no write is in.</summary>
    Everything,
}

/// <summary>Stores the sets and afterwards forgets quiet intents (rule 2). One at a time: the caller holds the command lock.</summary>
/// <remarks>
/// Order: pages and catalogue into free pages, sync, superblock into the other slot, sync. Only then are the old pages free and are intents forgotten.
/// A crash before the second sync leaves the old superblock with all that it refers to, and every intent.
///
/// Which pages changed: commands flag theirs. Guest writes flag nothing; the pages that hold bits of a region are rewritten when the region's intent is
/// to be forgotten, for every set that records. A page of a region that is not quiet may be stored with any subset of its newest bits, since its
/// intent brings them all back.
/// </remarks>
internal sealed class Checkpointer(
    TrackingFile file, SetTable sets, RegionTable regions, IntentJournal journal, TrackingHealth health, IScheduler scheduler, TrackingGuards guards)
{
    /// <summary>Durable when it completes.</summary>
    /// <exception cref="VolumeException">It failed: nothing is lost, the intents stay, and the next checkpoint stores the same again.</exception>
    public async Task StoreAsync(CheckpointKind kind, Func<Superblock, Superblock> amend)
    {
        health.ThrowIfFailed();
        var quiet = Quiet(kind);
        if (kind == CheckpointKind.Background && quiet.Count == 0 && !sets.NeedsCheckpoint)
        {
            return;
        }

        // Separate steps, so that guest writes come between them in a single-threaded simulation as they do with threads.
        var attempt = new CheckpointAttempt(file, sets, health, amend, guards);
        await scheduler.RunAsync(() => attempt.WritePages(quiet.Select(regions.ExtentOf))).ConfigureAwait(false);
        await scheduler.RunAsync(attempt.WriteCatalogue).ConfigureAwait(false);
        await scheduler.RunAsync(attempt.WriteSuperblock).ConfigureAwait(false);
        await journal.ForgetAsync(quiet).ConfigureAwait(false);
    }

    /// <summary>The same on the caller's stack, while the disk is being opened and no intent is held.</summary>
    public void StoreNow(Func<Superblock, Superblock> amend)
    {
        var attempt = new CheckpointAttempt(file, sets, health, amend, guards);
        attempt.WritePages([]);
        attempt.WriteCatalogue();
        attempt.WriteSuperblock();
    }

    private List<int> Quiet(CheckpointKind kind) =>
        kind switch
        {
            CheckpointKind.Command => [],
            CheckpointKind.Background => regions.TakeQuiet(journal.EndPeriod()),
            _ => regions.TakeQuiet(patience: 0),
        };
}
