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
