using ActorBackup.Actors.Jobs;
using ActorBackup.Actors.Storage;
using ActorBackup.Messages.Disks;
using ActorBackup.Volumes;
using Akka.Actor;

namespace ActorBackup.Actors.Backups;

/// <summary>Starts backup jobs as children of their disks.</summary>
public sealed class JobRunner(TimeProvider clock, string scratchDirectory)
{
    /// <summary>The shard region of disks: set once, before the first disk starts.</summary>
    public IActorRef Disks { get; set; } = ActorRefs.Nobody;

    public RunningJob Start(
        IActorContext context, IActorRef self, DiskDefinition definition, BackupSpec spec, TrackedDisk disk, OpenRepository repository)
    {
        var control = new JobControl(clock, spec.Policy, spec.RateBytesPerSecond);
        var run = new BackupRun(definition, spec, disk, repository, control, clock, scratchDirectory);
        context.ActorOf(Props.Create(() => new BackupJobActor(run, self)), $"job-{spec.Id}");
        return new RunningJob(spec, control, run.Progress, () => run.CopyBitmap, () => run.BadExtents, run.Begun);
    }
}
