using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Identity;
using ActorBackup.Domain.Disks;
using ActorBackup.Messages.Disks;
using ActorBackup.Simulation.Tests.Model;
using ActorBackup.Volumes;

namespace ActorBackup.Simulation.Tests.Disks;

/// <summary>Ends jobs: journal, then tracking file, then journal again; only then is the bitmap free.</summary>
internal sealed class Conclusions(World world, DiskProcess process)
{
    public async Task ConcludeAsync(BackupEnded ended)
    {
        var conclusion = ConclusionDecider.Conclude(process.State.Jobs[ended.Job.Value], ended.End);
        var concluded = new DiskEvent.JobConcluded(ended.Job, conclusion, world.Machine.Now);
        if (world.Order.ConclusionBeforeSettling)
        {
            await process.RecordAsync(concluded);
        }

        try
        {
            await SettleAsync(ended.Job, conclusion, conclusion.Remainder, ended.IsPointUnpublished);
        }
        catch (VolumeException e)
        {
            world.Trace.Add("settling failed: " + e.Message);
            process.Running.Remove(ended.Job);
            process.RecoverLater();
            return;
        }

        if (!world.Order.ConclusionBeforeSettling)
        {
            await process.RecordAsync(concluded);
        }

        await process.RecordAsync(new DiskEvent.JobSettled(ended.Job));
        process.Running.Remove(ended.Job);
        if (ended.IsPointUnpublished)
        {
            process.RecoverLater();
        }
    }

    /// <param name="job">Whose sets.</param>
    /// <param name="conclusion">What the journal has.</param>
    /// <param name="remainder">What stays: the conclusion's, or more.</param>
    /// <param name="keepCheckpoint">The pair stays.</param>
    public async Task SettleAsync(JobId job, JobConclusion conclusion, BitmapRemainder remainder, bool keepCheckpoint)
    {
        await process.Disk.SettleAsync(job, remainder, keepCheckpoint);
        if (process.State.Jobs[job.Value].Spec is { Bitmap: not null } spec && world.Shadows.TryGetValue(spec.BitmapSet, out var shadow))
        {
            shadow.Settle(s => world.Remains(s, remainder, conclusion.Point, s.FrozenMay));
        }
    }
}
