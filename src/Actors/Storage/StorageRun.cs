using ActorBackup.Actors.Disks;
using ActorBackup.Actors.Jobs;
using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Blocks;
using ActorBackup.Core.Jobs;
using ActorBackup.Files;
using ActorBackup.Messages;
using ActorBackup.Messages.Disks;
using ActorBackup.Messages.Storage;
using ActorBackup.Storage.Points;
using ActorBackup.Storage.Restoring;
using ActorBackup.Storage.Verifying;

namespace ActorBackup.Actors.Storage;

/// <summary>One restore or verify, from its start to its conclusion. It gives its place back before it is concluded.</summary>
internal sealed class StorageRun(PreparedJob prepared, OpenRepository open, DiskAccess disks, TimeProvider clock) : IDisposable
{
    /// <summary>Of extents in a conclusion, which the journal keeps; the message says how many there are.</summary>
    private const int ExtentsMax = 10_000;

    private readonly StorageJob _job = prepared.Job;
    private readonly RecoveryPoint _point = prepared.Point;
    private readonly Lock _lock = new();
    private bool _ended;

    public JobProgress Progress { get; } = new();

    /// <summary>Of which the policy and the decision are no concern of such a job.</summary>
    public JobControl Control { get; } = new(clock, null, prepared.Job.RateBytesPerSecond);

    private CancellationToken Stop => Control.Stopped;

    private ReadProgress Reading => new(Progress, Control);

    /// <summary>Harmless after the end.</summary>
    public void Cancel()
    {
        lock (_lock)
        {
            if (!_ended)
            {
                Control.Cancel(force: false);
            }
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _ended = true;
            Control.Dispose();
        }
    }

    /// <summary>Never throws.</summary>
    public async Task<JobConclusion> RunAsync()
    {
        Control.MoveTo(JobStatus.Running);
        var conclusion = await ConcludeAsync().ConfigureAwait(false);
        try
        {
            if (prepared.Place is { } place)
            {
                await place.DisposeAsync().ConfigureAwait(false);
            }

            return conclusion;
        }
        catch (Exception e)
        {
            return conclusion.Outcome == JobOutcome.Success ? Concluded(JobOutcome.Failed, Failures.Explain(e), []) : conclusion;
        }
    }

    /// <summary>What a restore that ended before its time leaves, as a clause for people; empty when nothing.</summary>
    public static string WhatIsLeft(StorageJob job)
    {
        if (job.Bitmap is { } bitmap)
        {
            return $"; if 'abk bitmap list {job.Disk}' does not show bitmap '{bitmap.Name}', add it again";
        }

        if (job is not { Kind: JobKind.Restore, Target: { } target })
        {
            return "";
        }

        if (JobTarget.DiskOf(target) is { } disk)
        {
            return $"; disk '{disk}' is half restored and not exported: 'abk job retry {job.Id}' restores the rest, 'abk disk export {disk}' exports it as it is";
        }

        if (Volumes.Backings.Backing.IsNbd(target) || target.StartsWith("/dev/", StringComparison.Ordinal))
        {
            return $"; {target} is half restored: the same restore again goes on";
        }

        return File.Exists(FileRestore.PartialPathOf(target, job.Point))
            ? $"; what was written is in {FileRestore.PartialPathOf(target, job.Point)}, and the same restore goes on from there"
            : "";
    }

    private string Left() => prepared.Place is { IsUntouched: true } ? "" : WhatIsLeft(_job);

    private async Task<JobConclusion> ConcludeAsync()
    {
        try
        {
            return await (_job.Kind == JobKind.Restore ? RestoreAsync()
                : prepared.Place?.NewBitmap is { } loan ? AddBitmapAsync(loan)
                : VerifyAsync()).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (Control.IsCancelled)
        {
            return Concluded(JobOutcome.Cancelled, new Refusal(RefusalCode.WrongState, "cancelled" + Left()), []);
        }
        catch (Exception e)
        {
            var why = Failures.Explain(e);
            return Concluded(JobOutcome.Failed, prepared.Place is null ? why : why with { Message = why.Message + Left() }, []);
        }
    }

    private async Task<JobConclusion> RestoreAsync()
    {
        Progress.Phase = "restoring";
        var progress = Reading;
        var place = prepared.Place;
        await (place is not null
            ? new PointCopy(open.Data, _point, place.Target, progress).RunAsync(Stop)
            : new FileRestore(open.Data, _point, _job.Target!, _job.Force, LinuxFileLayer.Instance, progress).RunAsync(Stop)).ConfigureAwait(false);
        if (place is not null)
        {
            place.IsComplete = true;
        }

        return Concluded(JobOutcome.Success, null, _point.MissingExtents());
    }

    private async Task<JobConclusion> AddBitmapAsync(DiskLoan.ForBitmap loan)
    {
        Progress.Phase = "comparing";
        loan.Differs = await new DiskComparison(open.Data, _point, loan.Disk, b => loan.Since.Written[b], Reading).FindAsync(Stop).ConfigureAwait(false);
        Progress.Phase = "adding the bitmap";
        if (!Control.TryCommit())
        {
            Stop.ThrowIfCancellationRequested();
        }

        await disks.AddComparedBitmapAsync(_job.Disk, _job.Id).ConfigureAwait(false);
        return Concluded(JobOutcome.Success, null, []);
    }

    private async Task<JobConclusion> VerifyAsync()
    {
        if (prepared.Place?.Comparison is { } loan)
        {
            Progress.Phase = "comparing";
            var differences = await new DiskComparison(open.Data, _point, loan.Disk, loan.IsDirty, Reading).RunAsync(Stop).ConfigureAwait(false);
            if (differences.Count > 0)
            {
                return Damaged(
                    $"disk '{_job.Disk}' differs from point {_point.Id} in {differences.Count} place(s) that its bitmap calls clean, first at offset {differences[0].Offset}: "
                    + "somebody wrote past the node, or the point is wrong; 'abk point verify --full' proves the point, and a full backup ends the doubt",
                    differences);
            }

            if (_job.Percent == 0)
            {
                return Concluded(JobOutcome.Success, null, []);
            }
        }

        Progress.Phase = "verifying";
        var damage = await new PointVerify(open.Data, _point, _job.Percent, Reading).RunAsync(Stop).ConfigureAwait(false);
        return damage.Count == 0
            ? Concluded(JobOutcome.Success, null, [])
            : Damaged(
                $"point {_point.Id} is damaged in {damage.Count} place(s), first at offset {damage[0].Extent.Offset}: {damage[0].Reason}",
                [.. damage.Select(d => d.Extent)]);
    }

    private JobConclusion Damaged(string message, IReadOnlyList<Extent> extents) =>
        Concluded(JobOutcome.Failed, new Refusal(RefusalCode.Damaged, message), [.. extents.Take(ExtentsMax)]);

    private JobConclusion Concluded(JobOutcome outcome, Refusal? why, IReadOnlyList<Extent> extents) =>
        new(outcome, BitmapRemainder.Nothing, null, null, why?.Message, why?.Code.ToString(), Progress.Read(), extents);
}
