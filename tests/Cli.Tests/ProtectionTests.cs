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

    [Fact]
    public void A_failure_before_the_last_success_is_history()
    {
        var disk = Resources.Disk() with { LastSuccessAt = Now };
        var old = Resources.Job("concluded", "failed") with { Id = "01a" };
        var last = Resources.Job("concluded", "success") with { Id = "01b" };
        Assert.True(Protection.Of([disk], [last, old], Now, Day).IsWell);
    }
}
