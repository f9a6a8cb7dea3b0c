using ActorBackup.Cli.Commands;

namespace ActorBackup.Cli.Tests;

public sealed class ProtectionTests
{
    private static readonly DateTimeOffset Now = new(2026, 11, 23, 4, 0, 0, TimeSpan.Zero);
    private static readonly TimeSpan Day = TimeSpan.FromDays(1);

    [Fact]
    public void A_disk_with_a_recent_success_is_well()
    {
        var disk = Resources.Disk() with { LastSuccessAt = Now.AddHours(-23) };
        Assert.True(Protection.Of([disk], [Resources.Job("concluded", "success")], Now, Day).IsWell);
    }

    [Fact]
    public void Each_problem_is_named()
    {
        var protection = Protection.Of(
            [
                Resources.Disk("never"),
                Resources.Disk("late") with { LastSuccessAt = Now.AddHours(-25) },
                Resources.Disk("failed") with { LastSuccessAt = Now },
                Resources.Disk("gone") with { LastSuccessAt = Now, State = "offline" },
            ],
            [Resources.Job("concluded", "failed") with { Disk = "failed" }],
            Now, Day);
        Assert.Equal(["never"], protection.Unprotected);
        Assert.Equal(["late"], protection.Overdue);
        Assert.Equal(["failed", "gone"], protection.Failing);
    }

    [Theory]
    [InlineData("paused", "no space left", true)]
    [InlineData("pending", "no space left", true)]
    [InlineData("pending", null, false)]
    public void A_job_that_a_person_must_decide_about_is_listed(string status, string? error, bool isFailing)
    {
        var disk = Resources.Disk() with { LastSuccessAt = Now };
        var done = Resources.Job("concluded", "success") with { Id = "01a" };
        var waiting = Resources.Job(status) with { Id = "01b", Error = error, NeedsPerson = true };

        var protection = Protection.Of([disk, Resources.Disk("other") with { LastSuccessAt = Now }], [waiting, done], Now, Day);

        Assert.False(protection.IsWell);
        Assert.Equal(["db"], protection.Waiting);
        Assert.Equal(isFailing ? ["db"] : [], protection.Failing);
        Assert.Contains("abk job", protection.Disks[0].Reason);
        Assert.Null(protection.Disks[1].Reason);
    }

    [Theory]
    [InlineData("paused", null)]
    [InlineData("pending", null)]
    [InlineData("running", null)]
    public void A_job_that_goes_on_by_itself_or_was_paused_on_purpose_is_no_problem(string status, string? error)
    {
        var disk = Resources.Disk() with { LastSuccessAt = Now };
        Assert.True(Protection.Of([disk], [Resources.Job(status) with { Error = error, NeedsPerson = false }], Now, Day).IsWell);
    }

    /// <summary>Whoever stopped it knows; that its backups do not come any more shows when they are overdue.</summary>
    [Theory]
    [InlineData(-1, true)]
    [InlineData(-25, false)]
    public void A_stopped_disk_is_well_until_it_is_overdue(int hours, bool isWell)
    {
        var disk = Resources.Disk() with { State = "stopped", NbdUri = null, LastSuccessAt = Now.AddHours(hours) };
        var protection = Protection.Of([disk], [], Now, Day);
        Assert.Equal(isWell, protection.IsWell);
        Assert.Empty(protection.Failing);
    }

    [Fact]
    public void A_failure_before_the_last_success_is_history()
    {
        var disk = Resources.Disk() with { LastSuccessAt = Now };
        var old = Resources.Job("concluded", "failed") with { Id = "01a" };
        var last = Resources.Job("concluded", "success") with { Id = "01b" };
        Assert.True(Protection.Of([disk], [last, old], Now, Day).IsWell);
    }
}
