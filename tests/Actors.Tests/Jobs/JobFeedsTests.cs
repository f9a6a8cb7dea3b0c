using ActorBackup.Actors.Jobs;
using ActorBackup.Core.Identity;
using ActorBackup.Core.Jobs;
using ActorBackup.Messages.Disks;

namespace ActorBackup.Actors.Tests.Jobs;

public sealed class JobFeedsTests
{
    private readonly JobFeeds _feeds = new("one");

    [Fact]
    public void Who_comes_back_gets_what_it_missed_once()
    {
        var seen = Note(JobStatus.Running);
        Note(JobStatus.Paused);
        Note(JobStatus.Running);
        Note(JobStatus.Waiting);

        var changes = _feeds.Since(View(JobStatus.Waiting), seen, hadBeenPending: false);

        Assert.Equal([JobStatus.Paused, JobStatus.Running, JobStatus.Waiting], changes.Changes.Select(c => c.View.Status));
        Assert.Equal(changes.Cursor, changes.Changes[^1].Cursor);
        Assert.Empty(_feeds.Since(View(JobStatus.Waiting), changes.Cursor, false).Changes);
        Assert.Equal([JobStatus.Waiting], _feeds.Since(View(JobStatus.Waiting), changes.Changes[1].Cursor, false).Changes.Select(c => c.View.Status));
    }

    [Fact]
    public void Who_comes_first_gets_the_present_with_its_figures_and_figures_are_no_change()
    {
        Note(JobStatus.Running);
        Note(JobStatus.Paused);
        Assert.False(_feeds.Note(View(JobStatus.Paused) with { Statistics = new JobStatistics(9, 7, 0, 0, 0) }));

        var changes = _feeds.Since(View(JobStatus.Paused) with { Statistics = new JobStatistics(9, 8, 0, 0, 0) }, null, false);

        var only = Assert.Single(changes.Changes);
        Assert.Equal((JobStatus.Paused, 8), (only.View.Status, only.View.Statistics.DoneBytes));
    }

    [Fact]
    public void Outcome_error_and_restart_are_changes()
    {
        Note(JobStatus.Paused);
        Assert.True(_feeds.Note(View(JobStatus.Paused) with { Error = "read failed" }));
        Assert.True(_feeds.Note(View(JobStatus.Concluded) with { Outcome = JobOutcome.Failed, IsRestartDue = true }));
        Assert.True(_feeds.Note(View(JobStatus.Concluded) with { Outcome = JobOutcome.Failed, RetriedAs = new JobId("next") }));
    }

    [Theory]
    [InlineData(JobStatus.Running, JobStatus.Running, false, new JobStatus[0])]
    [InlineData(JobStatus.Running, JobStatus.Concluded, false, new[] { JobStatus.Concluded })]
    [InlineData(JobStatus.Running, JobStatus.Concluded, true, new[] { JobStatus.Pending, JobStatus.Concluded })]
    [InlineData(JobStatus.Running, JobStatus.Pending, true, new[] { JobStatus.Pending })]
    [InlineData(JobStatus.Pending, JobStatus.Pending, true, new JobStatus[0])]
    [InlineData(JobStatus.Pending, JobStatus.Concluded, true, new[] { JobStatus.Concluded })]
    [InlineData(JobStatus.Paused, JobStatus.Running, false, new[] { JobStatus.Running })]
    public void Another_process_tells_what_the_journal_says_and_repeats_nothing(JobStatus seen, JobStatus now, bool hadBeenPending, JobStatus[] told)
    {
        var cursor = Note(seen);
        var next = new JobFeeds("two");
        next.Note(View(now));

        var changes = next.Since(View(now), JobCursor.Parse(cursor.ToString()), hadBeenPending);

        Assert.Equal(told, changes.Changes.Select(c => c.View.Status));
        Assert.Empty(next.Since(View(now), changes.Cursor, hadBeenPending).Changes);
        Assert.All(changes.Changes, c => Assert.True(c.View.Status == now || !c.View.NeedsPerson));

        // Who was cut off between the two goes on between the two.
        Assert.All(
            changes.Changes,
            c => Assert.Equal(told.SkipWhile(s => s != c.View.Status).Skip(1), next.Since(View(now), c.Cursor, hadBeenPending).Changes.Select(x => x.View.Status)));
    }

    [Fact]
    public void What_is_kept_has_a_bound_and_its_newest_end_is_whole()
    {
        var seen = Note(JobStatus.Running);
        for (var i = 0; i < 500; i++)
        {
            Note(JobStatus.Paused);
            Note(JobStatus.Running);
        }

        var changes = _feeds.Since(View(JobStatus.Running), seen, false).Changes;

        Assert.Equal(JobFeeds.ChangesMax, changes.Count);
        Assert.Equal(1001, changes[^1].Cursor.Sequence);
        Assert.Equal(Enumerable.Range(1001 - JobFeeds.ChangesMax + 1, JobFeeds.ChangesMax).Select(n => (long)n), changes.Select(c => c.Cursor.Sequence));
    }

    [Fact]
    public void A_job_whose_changes_were_dropped_for_others_repeats_nothing()
    {
        var seen = Note(JobStatus.Running);
        for (var i = 0; i < JobFeeds.JobsMax; i++)
        {
            _feeds.Note(View(JobStatus.Concluded) with { Id = new JobId($"other-{i}") });
        }

        Assert.False(_feeds.Knows(new JobId("job")));
        Note(JobStatus.Running);
        Assert.Empty(_feeds.Since(View(JobStatus.Running), seen, false).Changes);
        Note(JobStatus.Paused);
        Assert.Equal([JobStatus.Paused], _feeds.Since(View(JobStatus.Paused), seen, false).Changes.Select(c => c.View.Status));
    }

    [Theory]
    [InlineData("")]
    [InlineData("one")]
    [InlineData("one.1.running")]
    [InlineData("one.-1.running.aa")]
    [InlineData("one.1.sleeping.aa")]
    [InlineData(".1.running.aa")]
    [InlineData("one.1.running.")]
    [InlineData("one.99999999999999999999.running.aa")]
    public void Other_texts_are_no_cursors(string text) => Assert.Null(JobCursor.Parse(text));

    private static JobView View(JobStatus status) => new() { Id = new JobId("job"), Kind = JobKind.Backup, Status = status };

    private JobCursor Note(JobStatus status)
    {
        _feeds.Note(View(status));
        return _feeds.Since(View(status), null, false).Cursor;
    }
}
