using ActorBackup.Core.Identity;
using ActorBackup.Core.Jobs;
using ActorBackup.Domain.Disks;
using ActorBackup.Simulation.Tests.Disks;
using ActorBackup.Simulation.Tests.Model;

namespace ActorBackup.Simulation.Tests.Checks;

/// <summary>After a recovery that could ask everybody: nothing is busy, nothing is left over, and what bitmaps claim becomes their shadows.</summary>
internal sealed class RecoveredCheck(World world, DiskProcess process)
{
    public void Run()
    {
        var state = world.Journal.State;
        new BitmapCheck(world, process.Disk, "after recovery").Run();
        foreach (var job in state.Jobs.Values.Where(j => !process.Running.ContainsKey(j.Spec.Id)))
        {
            CheckEnded(job);
        }

        foreach (var bitmap in state.Bitmaps.Values)
        {
            if (bitmap.BusyWith is { } job && !process.Running.ContainsKey(job))
            {
                world.Report($"after recovery: bitmap {bitmap.Name} is still busy with job {job}");
            }

            if (bitmap.BusyWith is null && bitmap.InconsistentReason is null && world.Shadows.TryGetValue(bitmap.SetId, out var shadow))
            {
                shadow.Adopt(new BitmapCheck(world, process.Disk, "").Actual(bitmap, shadow));

                // From here on the tracking file records what the journal says, and nothing else.
                (shadow.IsRecording, shadow.IsUnsure) = (bitmap.Recording, false);
            }
        }

        foreach (var point in world.Repository.Points.Values.OfType<SimPoint>().Where(p => p.IsComplete))
        {
            CheckPoint(state, point);
        }
    }

    private void CheckEnded(JobState job)
    {
        if (!job.IsSettled)
        {
            world.Report($"after recovery: job {job.Spec.Id} is not settled");
        }

        if (job.Spec.Bitmap is not null && process.Disk.JobsInTracking.Contains(job.Spec.Id) && !process.Disk.TryGetCheckpoint(job.Spec.Id, out _))
        {
            world.Report($"after recovery: the tracking file still holds sets of job {job.Spec.Id}");
        }
    }

    private void CheckPoint(DiskState state, SimPoint point)
    {
        var job = new JobId(point.Id.Value);
        if (!process.Running.ContainsKey(job) && state.Jobs[job.Value].Conclusion is { Outcome: JobOutcome.Interrupted } end && end.Point != point.Id && state.DeletedPoints.All(d => d.Point != point.Id))
        {
            world.Report($"after recovery: complete point {point.Id} is in the repository, and its job ended {state.Jobs[job.Value].Conclusion?.Outcome} without it");
        }
    }
}
