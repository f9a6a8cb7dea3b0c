using ActorBackup.Actors.Jobs;
using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Identity;
using ActorBackup.Core.Jobs;
using ActorBackup.Messages;
using ActorBackup.Messages.Disks;
using ActorBackup.Messages.Groups;

namespace ActorBackup.Actors.Tests.Jobs;

public sealed class JobControlTests : IDisposable
{
    private static readonly DiskId Disk = new("d");
    private static readonly JobId Job = new("j");

    private readonly JobControl _control = new(TimeProvider.System, BitmapSyncPolicy.Always, 0);

    public void Dispose() => _control.Dispose();

    [Fact]
    public void A_running_job_pauses_and_resumes()
    {
        _control.MoveTo(JobStatus.Running);
        _control.Obey(new DiskCommand.PauseJob(Job) { Disk = Disk });
        Assert.Equal(JobStatus.Paused, _control.Status);
        Assert.False(_control.Gate.PassAsync(default).IsCompleted);
        Assert.NotNull(_control.Refuse(JobVerb.Pause));

        _control.Obey(new DiskCommand.ResumeJob(Job) { Disk = Disk });

        Assert.Equal(JobStatus.Running, _control.Status);
        Assert.True(_control.Gate.PassAsync(default).IsCompletedSuccessfully);
        Assert.NotNull(_control.Refuse(JobVerb.Resume));
    }

    [Fact]
    public void Every_status_that_it_comes_to_is_told_in_order()
    {
        var told = new List<JobStatus>();
        _control.Changed += told.Add;
        _control.MoveTo(JobStatus.Running);
        _control.Pause();
        _control.MoveTo(JobStatus.Running);
        _control.Resume();
        _control.StopOn(new Refusal(RefusalCode.NoSpace, "full"));
        _control.MoveTo(JobStatus.Waiting);

        Assert.Equal([JobStatus.Running, JobStatus.Paused, JobStatus.Paused, JobStatus.Running, JobStatus.Paused, JobStatus.Waiting], told);
    }

    [Theory]
    [InlineData(JobStatus.Aborting)]
    [InlineData(JobStatus.Concluded)]
    public void An_ending_job_obeys_nothing(JobStatus status)
    {
        _control.MoveTo(status);

        Assert.All(Enum.GetValues<JobVerb>().Where(v => v != JobVerb.Dismiss), v => Assert.NotNull(_control.Refuse(v)));
        Assert.True(_control.IsEnding);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_pending_job_waits_for_the_decision(bool keep)
    {
        var decision = _control.DecideAsync();
        Assert.Equal(JobStatus.Pending, _control.Status);
        Assert.False(decision.IsCompleted);

        _control.Obey(new DiskCommand.FinalizeJob(Job, keep) { Disk = Disk });

        Assert.Equal(keep ? JobDecision.Keep : JobDecision.Discard, await decision);
    }

    [Fact]
    public void A_cancel_counts_until_the_job_commits()
    {
        _control.MoveTo(JobStatus.Waiting);
        Assert.Null(_control.Refuse(JobVerb.Cancel));
        Assert.True(_control.TryCommit());

        _control.Cancel(force: true);

        Assert.False(_control.IsCancelled);
        Assert.Contains("being completed", _control.Refuse(JobVerb.Cancel), StringComparison.Ordinal);
    }

    [Fact]
    public void A_cancelled_job_does_not_commit()
    {
        _control.Cancel(force: false);

        Assert.False(_control.TryCommit());
    }

    [Fact]
    public async Task What_was_decided_needs_no_person_and_takes_no_verb()
    {
        var decision = _control.DecideAsync();
        Assert.False(_control.IsDecided);

        _control.Obey(new DiskCommand.FinalizeJob(Job, true) { Disk = Disk });

        Assert.Equal(JobDecision.Keep, await decision);
        Assert.True(_control.IsDecided);
        Assert.NotNull(_control.Refuse(JobVerb.Finalize));
        Assert.NotNull(_control.Refuse(JobVerb.Cancel));
    }

    [Fact]
    public async Task Cancelling_ends_every_wait_and_force_sticks()
    {
        var decision = _control.DecideAsync();

        _control.Cancel(force: true);
        _control.Cancel(force: false);

        Assert.Equal(JobDecision.Policy, await decision);
        Assert.True(_control is { IsCancelled: true, IsForced: true });
        Assert.True(_control.Stopped.IsCancellationRequested);
    }

    /// <summary>Rule 19: after its vote a job is its coordinator's.</summary>
    [Fact]
    public void A_vote_is_final()
    {
        _control.MoveTo(JobStatus.Waiting);
        _control.Vote();

        _control.Cancel(force: true);

        Assert.True(_control is { IsCancelled: false, IsForced: false, HasVoted: true });
        _control.DecideInGroup(GroupDecision.Commit);
        Assert.NotNull(_control.Refuse(JobVerb.Cancel));
        _control.Cancel(force: true);
        Assert.True(_control.TryCommit());
    }

    [Theory]
    [InlineData(GroupDecision.Abort, false)]
    [InlineData(GroupDecision.Force, true)]
    [InlineData(GroupDecision.Undo, true)]
    public async Task A_group_that_does_not_succeed_ends_a_job_that_voted_for_it(GroupDecision decision, bool isForced)
    {
        _control.Vote();

        _control.DecideInGroup(decision);
        _control.DecideInGroup(GroupDecision.Commit);

        Assert.Equal(decision, await _control.GroupDecision);
        Assert.True(_control is { IsCancelled: true, IsCancelledByGroup: true });
        Assert.Equal(isForced, _control.IsForced);
        Assert.True(_control.Stopped.IsCancellationRequested);
        Assert.False(_control.TryCommit());
    }

    [Fact]
    public void A_job_that_failed_by_itself_is_not_cancelled_by_its_group()
    {
        _control.Failure = new Messages.Refusal(Messages.RefusalCode.IoError, "broken");
        _control.Vote();

        _control.DecideInGroup(GroupDecision.Abort);

        Assert.True(_control is { IsCancelled: false, IsCancelledByGroup: false });
    }
}
