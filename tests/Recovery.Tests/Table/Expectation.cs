using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Identity;
using ActorBackup.Core.Jobs;
using ActorBackup.Domain.Disks;
using ActorBackup.Messages.Disks;
using ActorBackup.Recovery.Tests.Support;

namespace ActorBackup.Recovery.Tests.Table;

/// <summary>What lies at a job's key after recovery.</summary>
internal enum AtKey
{
    Nothing,
    Tombstone,
    Partial,
    Complete,

    /// <summary>A partial point that nobody counts from, or anything else that takes the key.</summary>
    Anything,
}

/// <summary>The recovery table, written out a second time: what must come of a kill, by what it left.</summary>
/// <param name="Row">The table's words, for messages and for counting what was met.</param>
/// <param name="Outcome">Of the job; null = there is no job, or it still waits for a person.</param>
/// <param name="Base">Of the bitmap.</param>
/// <param name="Must">Blocks that the bitmap must claim.</param>
/// <param name="May">Blocks that it may claim.</param>
/// <param name="AtKey">In the repository.</param>
internal sealed record Expectation(string Row, JobOutcome? Outcome, BitmapBase Base, HashSet<long> Must, HashSet<long> May, AtKey AtKey)
{
    private const long RegionBlocks = (1 << 20) / Preludes.BlockBytes;

    public static Expectation Of(Kind kind, Aftermath left, HashSet<long> dirty, World world, BitmapBase before)
    {
        if (left.Job is not { } job)
        {
            return Make(left.IsInTracking ? "successor in F, no job in D" : "no job in D", null, before, dirty, world, AtKey.Nothing);
        }

        var id = new PointId(job.Spec.Id.Value);
        var isComplete = left.Point?.IsComplete ?? (kind.IsFull || kind.Under is Under.ValidBase or Under.PartialBase);
        var moved = new BitmapBase(isComplete ? BaseState.Valid : BaseState.Partial, id, job.Spec.RepositoryId);
        return job switch
        {
            { Conclusion: { } conclusion } => Concluded(kind, left, job, conclusion, dirty, world, before),
            { Pending: not null } when left.Point is { } point =>
                Decided(kind, left, point.IsAborted ? Ending.KeptAfterFailure : Ending.Finalized, dirty, world, before) with { Row = "point object of a decided job, before D" },
            { Pending: not null } => Make("pending", null, before, dirty, world, AtKey.Anything),
            _ when left.Point is { IsAborted: false } => job.Policy is null or BitmapSyncPolicy.Never
                ? Make("point object, before D", JobOutcome.Success, before, dirty, world, AtKey.Complete)
                : Make("point object, before D", JobOutcome.Success, moved, [], world, AtKey.Complete),
            _ => Interrupted(kind, left, job, dirty, world, before),
        };
    }

    /// <summary>After a person said what is to become of a job in pending.</summary>
    public static Expectation Decided(Kind kind, Aftermath left, Ending ending, HashSet<long> dirty, World world, BitmapBase before)
    {
        var job = left.Job!;
        var countsFrom = job.Policy is not (null or BitmapSyncPolicy.Never);
        switch (ending)
        {
            case Ending.Finalized:
                var isComplete = kind.IsFull || kind.Under is Under.ValidBase or Under.PartialBase;
                var moved = new BitmapBase(isComplete ? BaseState.Valid : BaseState.Partial, new PointId(job.Spec.Id.Value), job.Spec.RepositoryId);
                return countsFrom
                    ? Make("pending, finalized", JobOutcome.Success, moved, [], world, AtKey.Complete)
                    : Make("pending, finalized", JobOutcome.Success, before, dirty, world, AtKey.Complete);
            case Ending.KeptAfterFailure when left.Copy is { } copy:
                return countsFrom
                    ? Make("pending, kept", JobOutcome.Failed, PartialBase(job), copy, world, AtKey.Partial)
                    : Make("pending, kept", JobOutcome.Failed, before, dirty, world, AtKey.Partial);
            default:
                return Make("pending, discarded", JobOutcome.Failed, before, dirty, world, AtKey.Tombstone);
        }
    }

    private static Expectation Interrupted(Kind kind, Aftermath left, JobState job, HashSet<long> dirty, World world, BitmapBase before)
    {
        var keeps = job.Policy == BitmapSyncPolicy.Always && left.Copy is { } c && c.Count < (kind.IsFull ? Preludes.Blocks : dirty.Count);
        if (left.Point is { IsAborted: true } partial)
        {
            return keeps && partial.Root == left.Root
                ? Make("partial point object, before D", JobOutcome.Interrupted, PartialBase(job), left.Copy!, world, AtKey.Partial)
                : Make("partial point object of nobody, before D", JobOutcome.Interrupted, before, dirty, world, AtKey.Anything);
        }

        return keeps && !left.IsKeyTaken
            ? Make("the pair, always", JobOutcome.Interrupted, PartialBase(job), left.Copy!, world, AtKey.Partial)
            : Make(
                left.Copy is null ? "before the first pair" : "the pair, not kept",
                JobOutcome.Interrupted, before, dirty, world, AtKey.Tombstone);
    }

    private static Expectation Concluded(
        Kind kind, Aftermath left, JobState job, JobConclusion conclusion, HashSet<long> dirty, World world, BitmapBase before)
    {
        var row = job.IsSettled ? "settled" : left.IsInTracking ? "conclusion in D, F unsettled" : "F settled, D not told";
        var succeeded = conclusion.Outcome == JobOutcome.Success;
        var remainder = conclusion.Remainder switch
        {
            BitmapRemainder.Nothing => [],
            BitmapRemainder.CopyBitmap => left.Copy ?? [.. Checks.BlocksOf(left.Point!).Where(b => kind.IsFull || dirty.Contains(b))],
            _ => dirty,
        };
        Assert.Equal(
            job.Policy switch
            {
                null or BitmapSyncPolicy.Never => BitmapRemainder.SyncBitmap,
                _ when succeeded => BitmapRemainder.Nothing,
                BitmapSyncPolicy.Always when conclusion.Point is not null => BitmapRemainder.CopyBitmap,
                _ => BitmapRemainder.SyncBitmap,
            },
            conclusion.Remainder);
        var countsFrom = conclusion.Remainder == BitmapRemainder.SyncBitmap ? before
            : new BitmapBase(succeeded && (kind.IsFull || kind.Under is Under.ValidBase or Under.PartialBase) ? BaseState.Valid : BaseState.Partial, conclusion.Point, job.Spec.RepositoryId);
        var atKey = succeeded ? AtKey.Complete : conclusion.Point is not null ? AtKey.Partial : AtKey.Anything;
        var expected = Make(row, conclusion.Outcome, countsFrom, remainder, world, atKey);

        // Nobody can tell whether a point that the repository does not have yet would be of this pair or of one before it.
        return conclusion.Remainder == BitmapRemainder.CopyBitmap && left is { Point: null, IsInTracking: true } && !job.IsSettled
            ? expected with { Row = row + ", point kept in F", May = [.. expected.May, .. kind.IsFull ? Enumerable.Range(0, Preludes.Blocks).Select(b => (long)b) : dirty] }
            : expected;
    }

    private static BitmapBase PartialBase(JobState job) => new(BaseState.Partial, new PointId(job.Spec.Id.Value), job.Spec.RepositoryId);

    private static Expectation Make(string row, JobOutcome? outcome, BitmapBase countsFrom, HashSet<long> remainder, World world, AtKey atKey)
    {
        // After a crash every block of a region that was written lately counts as dirty.
        var regions = world.Written.Select(b => b / RegionBlocks).ToHashSet();
        var may = Enumerable.Range(0, Preludes.Blocks).Select(b => (long)b).Where(b => regions.Contains(b / RegionBlocks));
        return new Expectation(row, outcome, countsFrom, [.. remainder, .. world.Acknowledged], [.. remainder, .. may], atKey);
    }
}
