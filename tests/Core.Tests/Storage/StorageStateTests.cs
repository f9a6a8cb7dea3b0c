using ActorBackup.Core.Identity;
using ActorBackup.Core.Tests.Journal;
using ActorBackup.Domain.Storage;
using ActorBackup.Messages.Storage;

namespace ActorBackup.Core.Tests.Storage;

public sealed class StorageStateTests
{
    [Fact]
    public void A_job_starts_ends_and_is_dismissed_and_stays_in_history()
    {
        var events = EventSamples.All.Where(s => s.Label == "full").Select(s => s.Event).OfType<StorageEvent>().ToArray();
        var started = StorageState.Apply(StorageState.Empty, events.OfType<StorageEvent.JobStarted>().Single());
        var id = Assert.Single(started.Jobs).Key;
        Assert.Null(started.Jobs[id].Conclusion);

        var concluded = StorageState.Apply(started, events.OfType<StorageEvent.JobConcluded>().Single());
        Assert.NotNull(concluded.Jobs[id].Conclusion);
        Assert.NotNull(concluded.Jobs[id].EndedAt);

        var dismissed = StorageState.Apply(concluded, new StorageEvent.JobDismissed(new JobId(id)));
        Assert.True(Assert.Single(dismissed.Jobs).Value.IsDismissed);
    }

    [Fact]
    public void A_suspended_job_is_one_until_it_goes_on_or_ends()
    {
        var events = EventSamples.All.Where(s => s.Label == "full").Select(s => s.Event).OfType<StorageEvent>().ToArray();
        var id = events.OfType<StorageEvent.JobStarted>().Single().Job.Id;
        var suspended = events.OfType<StorageEvent.JobSuspended>().Single();
        var state = StorageState.Apply(StorageState.Apply(StorageState.Empty, events.OfType<StorageEvent.JobStarted>().Single()), suspended);
        Assert.Equal(suspended.Suspended, state.Jobs[id.Value].Suspended);

        Assert.Null(StorageState.Apply(state, new StorageEvent.JobResumed(id)).Jobs[id.Value].Suspended);
        Assert.Null(StorageState.Apply(state, events.OfType<StorageEvent.JobConcluded>().Single()).Jobs[id.Value].Suspended);
    }

    [Fact]
    public void The_oldest_jobs_that_have_ended_are_forgotten_some_at_once_and_none_that_has_not()
    {
        var started = EventSamples.All.Where(s => s.Label == "full").Select(s => s.Event).OfType<StorageEvent.JobStarted>().Single();
        var concluded = EventSamples.All.Where(s => s.Label == "full").Select(s => s.Event).OfType<StorageEvent.JobConcluded>().Single();
        var state = StorageState.Empty;
        var forgotten = new List<JobId>();
        for (var i = 0; i < StorageState.JobsMax + 250; i++)
        {
            var id = new JobId($"job-{i:0000}");
            state = StorageState.Apply(state, started with { Job = started.Job with { Id = id } });
            state = i == 7 ? state : StorageState.Apply(state, concluded with { Job = id });
            if (state.TooOld() is { Count: > 0 } old)
            {
                forgotten.AddRange(old);
                state = StorageState.Apply(state, new StorageEvent.JobsForgotten(old));
                Assert.Equal(StorageState.JobsMax, state.Jobs.Count);
            }
        }

        Assert.Equal(200, forgotten.Count);
        Assert.Equal(Enumerable.Range(0, 201).Where(i => i != 7).Select(i => new JobId($"job-{i:0000}")), forgotten);
        Assert.Contains("job-0007", state.Jobs.Keys);
    }

    [Fact]
    public void A_job_knows_which_one_does_its_work_again()
    {
        var retry = EventSamples.All.Where(s => s.Label == "retry").Select(s => s.Event).OfType<StorageEvent.JobStarted>().Single();
        var first = retry with { Job = retry.Job with { RetryOf = null } };
        var again = retry with { Job = retry.Job with { Id = new JobId("again"), RetryOf = first.Job.Id } };

        var state = StorageState.Apply(StorageState.Apply(StorageState.Empty, first), again);

        Assert.Equal(again.Job.Id, state.Jobs[first.Job.Id.Value].RetriedAs);
        Assert.Null(state.Jobs["again"].RetriedAs);

        // Its first job may be of a journal that was lost.
        Assert.Single(StorageState.Apply(StorageState.Empty, again).Jobs);
    }
}
