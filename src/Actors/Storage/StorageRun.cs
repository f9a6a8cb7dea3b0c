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

/// <summary>What became of a run: one of the two.</summary>
/// <param name="Conclusion">The job has ended.</param>
/// <param name="Suspended">The run let go of it, because the node is being stopped.</param>
internal sealed record StorageRunEnd(JobConclusion? Conclusion, SuspendedRead? Suspended);

/// <summary>One restore or verify, from its start to its conclusion, or until it lets go. It gives its place back before that.</summary>
internal sealed class StorageRun : IDisposable
{
    /// <summary>Of extents in a conclusion, which the journal keeps; the message says how many there are.</summary>
    private const int ExtentsMax = 10_000;

    private readonly PreparedJob _prepared;
    private readonly OpenRepository _open;
    private readonly DiskAccess _disks;
    private readonly StorageJob _job;
    private readonly RecoveryPoint _point;
    private readonly CancellationTokenSource _stop;
    private readonly Lock _lock = new();
    private readonly VerifyMark _from = VerifyMark.Beginning;
    private PointVerify? _verify;
    private bool _ended;

    /// <param name="prepared">What to do.</param>
    /// <param name="suspended">How an earlier process left it; null = it begins.</param>
    /// <param name="open">The repository.</param>
    /// <param name="disks">Of this node.</param>
    /// <param name="clock">For its rate.</param>
    public StorageRun(PreparedJob prepared, SuspendedRead? suspended, OpenRepository open, DiskAccess disks, TimeProvider clock)
    {
        (_prepared, _open, _disks, _job, _point) = (prepared, open, disks, prepared.Job, prepared.Point);
        Control = new JobControl(clock, null, suspended?.RateBytesPerSecond ?? _job.RateBytesPerSecond);
        _stop = CancellationTokenSource.CreateLinkedTokenSource(Control.Stopped, Control.Suspending);
        if (suspended is not null)
        {
            _from = new VerifyMark(suspended.NextBlock, [.. suspended.Damage.Select(d => new DamagedExtent(d.Extent, d.Reason))]);
            if (suspended.IsPaused)
            {
                Control.Gate.Pause();
            }
        }
    }

    public JobProgress Progress { get; } = new();

    /// <summary>Of which the policy and the decision are no concern of such a job.</summary>
    public JobControl Control { get; }

    private CancellationToken Stop => _stop.Token;

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

    /// <summary>The node is being stopped. Harmless after the end.</summary>
    public void Suspend()
    {
        lock (_lock)
        {
            if (!_ended)
            {
                Control.Suspend();
            }
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _ended = true;
            _stop.Dispose();
            Control.Dispose();
        }
    }

    /// <summary>Never throws.</summary>
    public async Task<StorageRunEnd> RunAsync()
    {
        Control.MoveTo(JobStatus.Running);
        var conclusion = await ConcludeAsync().ConfigureAwait(false);
        try
        {
            if (_prepared.Place is { } place)
            {
                place.IsSuspended = conclusion is null;
                await place.DisposeAsync().ConfigureAwait(false);
            }
        }
        catch (Exception e)
        {
            conclusion = conclusion is { Outcome: JobOutcome.Success } ? Concluded(JobOutcome.Failed, Failures.Explain(e), []) : conclusion;
        }

        return new StorageRunEnd(conclusion, conclusion is null ? Suspended() : null);
    }

    private SuspendedRead Suspended()
    {
        var mark = _verify?.Mark ?? _from;
        if (mark.Damage.Count > SuspendedRead.DamageMax)
        {
            mark = VerifyMark.Beginning;
        }

        return new SuspendedRead(
            Progress.Read(),
            Control.Rate.BytesPerSecond,
            Control.Gate.IsPaused,
            mark.Block,
            [.. mark.Damage.Select(d => new ReadDamage(d.Extent, d.Reason))]);
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

    private string Left() => _prepared.Place is { IsUntouched: true } ? "" : WhatIsLeft(_job);

    /// <summary>Null = it was suspended before its end.</summary>
    private async Task<JobConclusion?> ConcludeAsync()
    {
        try
        {
            return await (_job.Kind == JobKind.Restore ? RestoreAsync()
                : _prepared.Place?.NewBitmap is { } loan ? AddBitmapAsync(loan)
                : VerifyAsync()).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (Control.IsCancelled)
        {
            return Concluded(JobOutcome.Cancelled, new Refusal(RefusalCode.WrongState, "cancelled" + Left()), []);
        }
        catch (OperationCanceledException) when (Control.Suspending.IsCancellationRequested)
        {
            return null;
        }
        catch (Exception e)
        {
            var why = Failures.Explain(e);
            return Concluded(JobOutcome.Failed, _prepared.Place is null ? why : why with { Message = why.Message + Left() }, []);
        }
    }

    private async Task<JobConclusion> RestoreAsync()
    {
        Progress.Phase = "restoring";
        var progress = Reading;
        var place = _prepared.Place;
        await (place is not null
            ? new PointCopy(_open.Data, _point, place.Target, progress).RunAsync(Stop)
            : new FileRestore(_open.Data, _point, _job.Target!, _job.Force, LinuxFileLayer.Instance, progress).RunAsync(Stop)).ConfigureAwait(false);
        if (place is not null)
        {
            place.IsComplete = true;
        }

        return Concluded(JobOutcome.Success, null, _point.MissingExtents());
    }

    private async Task<JobConclusion> AddBitmapAsync(DiskLoan.ForBitmap loan)
    {
        Progress.Phase = "comparing";
        loan.Differs = await new DiskComparison(_open.Data, _point, loan.Disk, b => loan.Since.Written[b], Reading).FindAsync(Stop).ConfigureAwait(false);
        Progress.Phase = "adding the bitmap";
        if (!Control.TryCommit())
        {
            Stop.ThrowIfCancellationRequested();
        }

        await _disks.AddComparedBitmapAsync(_job.Disk, _job.Id).ConfigureAwait(false);
        return Concluded(JobOutcome.Success, null, []);
    }

    private async Task<JobConclusion> VerifyAsync()
    {
        if (_prepared.Place?.Comparison is { } loan)
        {
            Progress.Phase = "comparing";
            var differences = await new DiskComparison(_open.Data, _point, loan.Disk, loan.IsDirty, Reading).RunAsync(Stop).ConfigureAwait(false);
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
        _verify = new PointVerify(_open.Data, _point, _job.Percent, Reading) { From = _from };
        var damage = await _verify.RunAsync(Stop).ConfigureAwait(false);
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
