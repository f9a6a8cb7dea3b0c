using ActorBackup.Files;

namespace ActorBackup.Core.Tests.Files;

public sealed class IoThreadsTests
{
    [Fact]
    public async Task Work_that_blocks_holds_up_no_other_work()
    {
        const int Blocked = IoThreads.ThreadsMax / 2;
        using var gate = new ManualResetEventSlim();
        var ends = Enumerable.Range(0, Blocked).Select(_ => new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).ToList();
        foreach (var end in ends)
        {
            IoThreads.Instance.Post(() =>
            {
                gate.Wait();
                end.SetResult();
            });
        }

        // Only this opens the gate, so it ran while all of them blocked.
        IoThreads.Instance.Post(gate.Set);

        await Task.WhenAll(ends.Select(e => e.Task)).WaitAsync(TimeSpan.FromMinutes(2));
    }

    [Fact]
    public async Task Beyond_its_threads_work_waits_its_turn_and_all_of_it_runs()
    {
        var count = 0;
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        const int All = IoThreads.ThreadsMax * 10;
        for (var i = 0; i < All; i++)
        {
            IoThreads.Instance.Post(() =>
            {
                if (Interlocked.Increment(ref count) == All)
                {
                    done.SetResult();
                }
            });
        }

        await done.Task.WaitAsync(TimeSpan.FromMinutes(2));
    }
}
