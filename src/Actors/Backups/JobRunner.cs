using ActorBackup.Actors.Disks;
using ActorBackup.Actors.Jobs;
using ActorBackup.Actors.Storage;
using ActorBackup.Core.Jobs;
using ActorBackup.Domain.Disks;
using ActorBackup.Messages;
using ActorBackup.Messages.Disks;
using ActorBackup.Volumes;
using Akka.Actor;

namespace ActorBackup.Actors.Backups;

/// <summary>Starts backup jobs as children of their disks.</summary>
public sealed class JobRunner(TimeProvider clock, string scratchDirectory, IDiskExports exports)
{
    /// <summary>The shard region of disks: set once, before the first disk starts.</summary>
    public IActorRef Disks { get; set; } = ActorRefs.Nobody;

    /// <summary>The shard region of groups: set once, before the first disk starts.</summary>
    public IActorRef Groups { get; set; } = ActorRefs.Nobody;

    public string ScratchDirectory => scratchDirectory;

    /// <param name="context">Of the disk's actor.</param>
    /// <param name="self">The disk's actor.</param>
    /// <param name="definition">Of the disk.</param>
    /// <param name="spec">What to do.</param>
    /// <param name="disk">The data plane.</param>
    /// <param name="repository">Where to; null = nowhere, the instant is served.</param>
    /// <param name="groupStart">The instant that its group took; null = the job takes its own.</param>
    public RunningJob Start(
        IActorContext context,
        IActorRef self,
        DiskDefinition definition,
        BackupSpec spec,
        TrackedDisk disk,
        OpenRepository? repository,
        GroupStart? groupStart = null)
    {
        var control = new JobControl(clock, spec.Policy, spec.RateBytesPerSecond);
        if (repository is null)
        {
            var run = new InstantRun(spec, disk, exports, control, clock, scratchDirectory, groupStart);
            Start(context, self, run);
            return new RunningJob(spec, control, run.Progress, () => null, () => [], run.Begun) { Uri = () => run.Uri };
        }

        return Start(context, self, new BackupRun(definition, spec, disk, repository, control, clock, scratchDirectory, suspended: null, groupStart));
    }

    /// <summary>Goes on with a job that an orderly stop suspended, at its instant and as it was: paused, at its rate, with its policy.</summary>
    public RunningJob Resume(IActorContext context, IActorRef self, DiskDefinition definition, JobState job, TrackedDisk disk, OpenRepository repository)
    {
        var before = job.Suspended!;
        var control = new JobControl(clock, job.Policy, before.RateBytesPerSecond);
        if (before.Error is { } error)
        {
            control.StopOn(new Refusal(Enum.TryParse<RefusalCode>(before.ErrorCode, out var code) ? code : RefusalCode.IoError, error));
        }
        else if (before.IsPaused)
        {
            control.Gate.Pause();
        }

        // As it was left: going on is no change that anybody should hear of.
        control.MoveTo(JobStatus.Running);
        return Start(context, self, new BackupRun(definition, job.Spec, disk, repository, control, clock, scratchDirectory, before));
    }

    private static RunningJob Start(IActorContext context, IActorRef self, BackupRun run)
    {
        Start(context, self, (IJobRun)run);
        return new RunningJob(run.Spec, run.Control, run.Progress, () => run.CopyBitmap, () => run.BadExtents, run.Begun);
    }

    private static void Start(IActorContext context, IActorRef self, IJobRun run) =>
        context.ActorOf(Props.Create(() => new BackupJobActor(run, self)), $"job-{run.Spec.Id}");
}
