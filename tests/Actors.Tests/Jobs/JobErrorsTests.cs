using ActorBackup.Actors.Jobs;
using ActorBackup.Core.Identity;
using ActorBackup.Core.Jobs;
using ActorBackup.Messages;
using ActorBackup.Messages.Disks;

namespace ActorBackup.Actors.Tests.Jobs;

public sealed class JobErrorsTests : IDisposable
{
    private static readonly Refusal Full = new(RefusalCode.NoSpace, "full");
    private static readonly Refusal Broken = new(RefusalCode.IoError, "broken");

    private readonly ManualClock _clock = new();
    private readonly JobControl _control;

    public JobErrorsTests()
    {
        _control = new JobControl(_clock, null, 0);
        _control.MoveTo(JobStatus.Running);
    }

    public void Dispose() => _control.Dispose();

    [Theory]
    [InlineData(ErrorPolicy.Report, ErrorVerdict.Fail)]
    [InlineData(ErrorPolicy.Ignore, ErrorVerdict.Skip)]
    [InlineData(ErrorPolicy.Enospc, ErrorVerdict.Fail)]
    [InlineData(ErrorPolicy.Auto, ErrorVerdict.Fail)]
    public async Task A_source_that_is_broken(ErrorPolicy policy, ErrorVerdict expected)
    {
        Assert.Equal(expected, await new JobErrors(policy, ErrorPolicy.Report, _control, _clock).OnSourceAsync(Broken, CancellationToken.None));
        Assert.Equal(JobStatus.Running, _control.Status);
    }

    [Theory]
    [InlineData(ErrorPolicy.Stop, RefusalCode.IoError)]
    [InlineData(ErrorPolicy.Stop, RefusalCode.NoSpace)]
    [InlineData(ErrorPolicy.Enospc, RefusalCode.NoSpace)]
    [InlineData(ErrorPolicy.Auto, RefusalCode.NoSpace)]
    public async Task A_stopped_job_waits_for_a_person_and_then_tries_again(ErrorPolicy policy, RefusalCode code)
    {
        var errors = new JobErrors(ErrorPolicy.Report, policy, _control, _clock);

        var verdict = errors.OnTargetAsync(new Refusal(code, "why"), 1, CancellationToken.None).AsTask();

        Assert.False(verdict.IsCompleted);
        Assert.Equal(JobStatus.Paused, _control.Status);
        Assert.Equal("why", _control.StoppedBy?.Message);
        _control.Obey(new DiskCommand.ResumeJob(new JobId("j")) { Disk = new DiskId("d") });
        Assert.Equal(ErrorVerdict.Retry, await verdict);
        Assert.Null(_control.StoppedBy);
    }

    [Fact]
    public async Task A_stopped_job_that_is_cancelled_tries_nothing()
    {
        var errors = new JobErrors(ErrorPolicy.Stop, ErrorPolicy.Report, _control, _clock);
        var verdict = errors.OnSourceAsync(Broken, _control.Stopped).AsTask();

        _control.Cancel(force: false);

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => verdict);
    }

    [Fact]
    public async Task A_target_that_only_is_broken_does_not_stop_for_space()
    {
        Assert.Equal(ErrorVerdict.Fail, await new JobErrors(ErrorPolicy.Report, ErrorPolicy.Enospc, _control, _clock).OnTargetAsync(Broken, 1, CancellationToken.None));
    }

    [Fact]
    public async Task Errors_of_a_target_are_ignored_with_longer_and_longer_breaks_and_not_for_ever()
    {
        var errors = new JobErrors(ErrorPolicy.Report, ErrorPolicy.Ignore, _control, _clock);
        var first = errors.OnTargetAsync(Full, 1, CancellationToken.None).AsTask();
        _clock.Advance(TimeSpan.FromMilliseconds(249));
        Assert.False(first.IsCompleted);
        _clock.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal(ErrorVerdict.Retry, await first);

        var late = errors.OnTargetAsync(Full, 50, CancellationToken.None).AsTask();
        _clock.Advance(TimeSpan.FromSeconds(4.9));
        Assert.False(late.IsCompleted);
        _clock.Advance(TimeSpan.FromSeconds(0.1));
        Assert.Equal(ErrorVerdict.Retry, await late);

        Assert.Equal(ErrorVerdict.Fail, await errors.OnTargetAsync(Full, 121, CancellationToken.None));
    }
}
