using ActorBackup.Core.Identity;
using ActorBackup.Core.Jobs;
using ActorBackup.Messages.Disks;
using ActorBackup.Recovery.Tests.Support;

namespace ActorBackup.Recovery.Tests.Table;

/// <summary>A node after recovery, held against what the table says.</summary>
internal static class Recovered
{
    public static async Task CheckAsync(World world, Node node, Kind kind, JobId? jobId, Expectation expected, string when)
    {
        var state = node.State;
        var job = jobId is { } id ? state.Jobs[id.Value] : null;
        Assert.True(job?.Conclusion?.Outcome == expected.Outcome, $"{when}: the job's outcome is {job?.Conclusion?.Outcome}, not {expected.Outcome}");
        if (expected.Outcome is not null)
        {
            Assert.True(job!.IsSettled, $"{when}: the job is not settled");
            Assert.True(!node.Disk.JobsInTracking.Contains(job.Spec.Id), $"{when}: the tracking file still has something of the job");
        }

        if (kind.Bitmap is { } name && state.Bitmaps.TryGetValue(name, out var bitmap))
        {
            Assert.True(bitmap.BusyWith is null == (job is null || expected.Outcome is not null), $"{when}: the bitmap is busy with {bitmap.BusyWith}");
            Assert.True(bitmap.Base == expected.Base, $"{when}: the base is {bitmap.Base}, not {expected.Base}");
            var dirty = Checks.DirtyBlocks(world, node, bitmap);
            Assert.True(expected.Must.IsSubsetOf(dirty), $"{when}: the bitmap lacks {string.Join(',', expected.Must.Except(dirty).Order())}");
            Assert.True(dirty.IsSubsetOf(expected.May), $"{when}: the bitmap claims {string.Join(',', dirty.Except(expected.May).Order())}");
        }

        if (job is not null)
        {
            var found = await AtKeyAsync(world, node, job.Spec.Id);
            Assert.True(expected.AtKey == AtKey.Anything || found == expected.AtKey, $"{when}: at the job's key there is {found}, not {expected.AtKey}");
        }

        await Checks.AllAsync(world, node, when);
    }

    /// <summary>Everything that must not depend on how often recovery ran, or where it was killed.</summary>
    public static async Task<string> DescribeAsync(World world, Node node)
    {
        var lines = new List<string>();
        var state = node.State;
        foreach (var job in state.Jobs.Values)
        {
            lines.Add($"{job.Spec.Id}: {job.Conclusion?.Outcome} {job.Conclusion?.Remainder} {job.Conclusion?.Base} {job.Conclusion?.Point} settled {job.IsSettled}, dismissed {job.IsDismissed}, pending {job.Pending is not null}, at key {await AtKeyAsync(world, node, job.Spec.Id)}");
        }

        foreach (var bitmap in state.Bitmaps.Values)
        {
            lines.Add($"{bitmap}: {string.Join(',', Checks.DirtyBlocks(world, node, bitmap).Order())}");
        }

        lines.Add(string.Join(',', node.Disk.JobsInTracking));
        lines.Add(string.Join(',', node.Disk.BitmapSets.Order()));
        return string.Join('\n', lines);
    }

    private static async Task<AtKey> AtKeyAsync(World world, Node node, JobId job)
    {
        var data = (await world.OpenAsync(node)).Data;
        return await data.Points.TryGetAsync(new PointId(job.Value), CancellationToken.None) is { } point
            ? point.IsAborted ? AtKey.Partial : AtKey.Complete
            : await data.Objects.TryGetLengthAsync($"points/{job}", CancellationToken.None) is null ? AtKey.Nothing : AtKey.Tombstone;
    }

    /// <summary>The next backup succeeds, whatever was left, and its point is the disk.</summary>
    public static async Task GoOnAsync(World world, Node node, Kind kind, string when)
    {
        await world.WriteBlocksAsync(node, 4);
        var order = kind.Sync == SyncMode.Auto ? world.Order(SyncMode.Auto)
            : kind.Bitmap is null ? world.Order(SyncMode.Full)
            : world.Order(SyncMode.Incremental, kind.Bitmap) with { FallbackToFull = true };
        var reply = await world.BackUpAsync(node, order);
        Assert.True(reply is DiskReply.Job, $"{when}: the next backup was refused: {(reply as DiskReply.Rejected)?.Refusal.Message}");
        var view = await node.WaitAsync(((DiskReply.Job)reply!).View.Id);
        Assert.True(view!.Outcome == JobOutcome.Success, $"{when}: the next backup ended {view.Outcome}: {view.Error}");
        await Checks.AllAsync(world, node, $"{when}, and after the next backup");
    }
}
