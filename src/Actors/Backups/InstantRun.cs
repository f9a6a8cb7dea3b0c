using ActorBackup.Actors.Disks;
using ActorBackup.Actors.Jobs;
using ActorBackup.Core.Jobs;
using ActorBackup.Domain.Disks;
using ActorBackup.Messages;
using ActorBackup.Messages.Disks;
using ActorBackup.Volumes;
using ActorBackup.Volumes.Snapshots;

namespace ActorBackup.Actors.Backups;

/// <summary>Sync <c>none</c>: copies nothing by itself, and serves the disk's instant over NBD, read-only, until it is cancelled.</summary>
/// <remarks>
/// What guests overwrite is kept in memory and scratch; a reader's trims free it. It needs no repository, leaves bitmaps alone, and no stop of the node
/// suspends it: its readers are gone then.
/// </remarks>
public sealed class InstantRun : IJobRun
{
    private static readonly TimeSpan LookPeriod = TimeSpan.FromMilliseconds(200);

    private readonly TrackedDisk _disk;
    private readonly IDiskExports _exports;
    private readonly TimeProvider _clock;
    private readonly string _scratchDirectory;
    private readonly GroupStart? _groupStart;
    private readonly TaskCompletionSource _begun = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <param name="spec">What to do.</param>
    /// <param name="disk">The data plane.</param>
    /// <param name="exports">Where it is served.</param>
    /// <param name="control">The job's levers.</param>
    /// <param name="clock">For looking whether the instant is still good.</param>
    /// <param name="scratchDirectory">Where copy-before-write spills to.</param>
    /// <param name="groupStart">The instant that its group took; null = the job takes its own.</param>
    public InstantRun(
        BackupSpec spec, TrackedDisk disk, IDiskExports exports, JobControl control, TimeProvider clock, string scratchDirectory, GroupStart? groupStart)
    {
        (Spec, _disk, _exports, Control, _clock, _scratchDirectory, _groupStart) = (spec, disk, exports, control, clock, scratchDirectory, groupStart);
    }

    public BackupSpec Spec { get; }

    public JobControl Control { get; }

    public JobProgress Progress { get; } = new();

    public Action<PendingJob>? BecamePending { get; set; }

    /// <summary>Completes when the instant can be read, or the job has failed before.</summary>
    public Task Begun => _begun.Task;

    /// <summary>Where it is served now; null = nowhere.</summary>
    public string? Uri => _exports.Find(Spec.Id.Value)?.Uri;

    public async Task<IBackupResult> RunAsync()
    {
        try
        {
            return await ServeAsync().ConfigureAwait(false);
        }
        catch (Exception e)
        {
            return Ended(Control.IsCancelled ? JobOutcome.Cancelled : JobOutcome.Failed, Failures.Explain(e));
        }
        finally
        {
            _begun.TrySetResult();
        }
    }

    private async Task<BackupEnded> ServeAsync()
    {
        Control.MoveTo(JobStatus.Running);
        var snapshot = _groupStart?.Snapshot
            ?? await _disk.StartSnapshotAsync(JobSnapshots.RequestOf(Spec, _scratchDirectory), Control.Stopped).ConfigureAwait(false);
        await using (snapshot.ConfigureAwait(false))
        {
            _exports.Add(Spec.Id.Value, $"disk {_disk.Definition.Id} at the instant of job {Spec.Id}", snapshot.Serve(), []);
            Progress.SetTotal(_disk.SizeBytes);
            Progress.Phase = "serving";
            _begun.TrySetResult();
            try
            {
                var (outcome, why) = await WaitAsync(snapshot).ConfigureAwait(false);
                return Ended(outcome, why);
            }
            finally
            {
                await _exports.RemoveAsync(Spec.Id.Value).ConfigureAwait(false);
            }
        }
    }

    private async Task<(JobOutcome Outcome, Refusal Why)> WaitAsync(DiskSnapshot snapshot)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(Control.Stopped, Control.Suspending);
        try
        {
            while (snapshot.Broken is null)
            {
                await Task.Delay(LookPeriod, _clock, either.Token).ConfigureAwait(false);
            }

            return (JobOutcome.Failed, Failures.Explain(snapshot.Broken));
        }
        catch (OperationCanceledException)
        {
            return Control.Stopped.IsCancellationRequested
                ? (JobOutcome.Cancelled, new Refusal(RefusalCode.WrongState, "cancelled"))
                : (JobOutcome.Interrupted, new Refusal(RefusalCode.WrongState, "the node was stopped, and with it whoever read the instant; start it again"));
        }
    }

    private BackupEnded Ended(JobOutcome outcome, Refusal why) =>
        new(Spec.Id, new JobEnd(outcome, Control.IsForced || Control.IsAbandoned, null, false, why.Message, why.Code.ToString(), Progress.Read(), []), false);
}
