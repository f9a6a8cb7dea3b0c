using ActorBackup.Api;
using ActorBackup.Cli.Commands;

namespace ActorBackup.Cli.Tests;

public sealed class JobExitTests
{
    [Theory]
    [InlineData("success", 0)]
    [InlineData("failed", 1)]
    [InlineData("interrupted", 1)]
    [InlineData("cancelled", 14)]
    public void The_outcome_is_the_exit_code(string outcome, int code) =>
        Assert.Equal(code, JobExit.CodeOf(Resources.Job("concluded", outcome)));

    [Fact]
    public void A_fallback_that_was_asked_for_is_a_warning() =>
        Assert.Equal(ExitCodes.Warnings, JobExit.CodeOf(Resources.Job("concluded", "success") with
        {
            RequestedSync = "bitmap",
            Sync = "full",
            FallbackReason = "the base is gone",
        }));

    [Fact]
    public void Auto_choosing_full_is_no_warning() =>
        Assert.Equal(ExitCodes.Done, JobExit.CodeOf(Resources.Job("concluded", "success") with
        {
            RequestedSync = "auto",
            Sync = "full",
            FallbackReason = "there was no bitmap yet",
        }));

    [Fact]
    public void Damage_that_a_verification_found_has_its_own_code()
    {
        var job = Resources.Job("concluded", "failed") with { Kind = "verify" };
        Assert.Equal(ExitCodes.Failed, JobExit.CodeOf(job));
        Assert.Equal(ExitCodes.Damaged, JobExit.CodeOf(job with { BadExtents = [new(0, 65536)] }));
        Assert.Equal(ExitCodes.Damaged, JobExit.CodeOf(job with { ErrorCode = ErrorCodes.Damaged }));
    }

    [Theory]
    [InlineData("pending")]
    [InlineData("paused")]
    public void A_job_that_waits_for_somebody_says_so(string status) =>
        Assert.Equal(ExitCodes.PersonNeeded, JobExit.CodeOf(Resources.Job(status)));
}
