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

/// <summary>One restore or verify, from its start to its conclusion.</summary>
internal sealed class StorageRun(StorageJob job, RecoveryPoint point, OpenRepository open) : IDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _lock = new();
    private bool _ended;

    public JobProgress Progress { get; } = new();

    /// <summary>Harmless after the end.</summary>
    public void Cancel()
    {
        lock (_lock)
        {
            if (!_ended)
            {
                _stop.Cancel();
            }
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _ended = true;
            _stop.Dispose();
        }
    }

    /// <summary>Never throws.</summary>
    public async Task<JobConclusion> RunAsync()
    {
        try
        {
            return job.Kind == JobKind.Restore ? await RestoreAsync().ConfigureAwait(false) : await VerifyAsync().ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            return Concluded(JobOutcome.Cancelled, new Refusal(RefusalCode.WrongState, "cancelled"), []);
        }
        catch (Exception e)
        {
            return Concluded(JobOutcome.Failed, Failures.Explain(e), []);
        }
    }

    /// <summary>What a run that died with its process left beside its target.</summary>
    public static void DeleteLeftovers(StorageJob job)
    {
        if (job is { Kind: JobKind.Restore, Target: { } target })
        {
            FileRestore.DeleteLeftovers(LinuxFileLayer.Instance, target, job.Id);
        }
    }

    private async Task<JobConclusion> RestoreAsync()
    {
        Progress.Phase = "restoring";
        var restore = new FileRestore(open.Data, point, job.Target!, job.Force, job.Id, LinuxFileLayer.Instance, new ReadProgress(Progress));
        await restore.RunAsync(_stop.Token).ConfigureAwait(false);
        return Concluded(JobOutcome.Success, null, point.MissingExtents());
    }

    private async Task<JobConclusion> VerifyAsync()
    {
        Progress.Phase = "verifying";
        var verify = new PointVerify(open.Data, point, job.Percent, new ReadProgress(Progress));
        var damage = await verify.RunAsync(_stop.Token).ConfigureAwait(false);
        return damage.Count == 0
            ? Concluded(JobOutcome.Success, null, [])
            : Concluded(
                JobOutcome.Failed,
                new Refusal(RefusalCode.Damaged, $"point {point.Id} is damaged in {damage.Count} place(s), first at offset {damage[0].Extent.Offset}: {damage[0].Reason}"),
                [.. damage.Select(d => d.Extent)]);
    }

    private JobConclusion Concluded(JobOutcome outcome, Refusal? why, IReadOnlyList<Extent> extents) =>
        new(outcome, BitmapRemainder.Nothing, null, null, why?.Message, why?.Code.ToString(), Progress.Read(), extents);
}
