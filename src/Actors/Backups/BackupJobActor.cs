using Akka.Actor;

namespace ActorBackup.Actors.Backups;

/// <summary>One running job, child of its disk: starts the run, and tells the disk once how it ended, or that it let go. When it stops early the run is abandoned.</summary>
public sealed class BackupJobActor : ReceiveActor
{
    private readonly IJobRun _run;
    private readonly IActorRef _disk;

    public BackupJobActor(IJobRun run, IActorRef disk)
    {
        _run = run;
        _disk = disk;
        Receive<IBackupResult>(ended =>
        {
            _disk.Tell(ended, Self);
            Context.Stop(Self);
        });
        Receive<BackupPending>(pending => _disk.Tell(pending, Self));
        Receive<JobStateChanged>(changed => _disk.Tell(changed, Self));
    }

    protected override void PreStart()
    {
        var self = Self;
        _run.Control.Changed += status => self.Tell(new JobStateChanged(_run.Spec.Id, status), ActorRefs.NoSender);
        _run.BecamePending = pending => self.Tell(new BackupPending(_run.Spec.Id, pending), ActorRefs.NoSender);
        Task.Run(_run.RunAsync).PipeTo(self);
    }

    protected override void PostStop()
    {
        // Harmless after the end. Before it: whoever stopped us does not want a conclusion from this process any more.
        _run.Control.Abandon();
        base.PostStop();
    }
}
