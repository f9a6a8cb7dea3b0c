using ActorBackup.Simulation.Tests.Machines;

namespace ActorBackup.Simulation.Tests;

/// <summary>What shipped code leaves to the thread pool runs on the simulation's thread, one piece after the other, as the seed says.</summary>
public sealed class SimPoolTests
{
    private const int Tasks = 6;
    private const int Rounds = 3;

    [Fact]
    public void All_that_ends_in_the_thread_pool_stays_on_one_thread_and_one_seed_has_one_order()
    {
        var orders = Enumerable.Range(1, 20).Select(s => Run((ulong)s)).ToList();
        Assert.All(orders, o => Assert.Equal(Tasks * Rounds, o.Split(' ').Length));
        Assert.True(orders.Distinct().Count() > 15, "The seeds do not matter.");
        Assert.Equal(orders, Enumerable.Range(1, 20).Select(s => Run((ulong)s)));
    }

    private static string Run(ulong seed) => SimThread.Run(() =>
    {
        var machine = new Machine(new Dice(seed), new Trace(), FaultPlan.None);
        var scheduler = new SimScheduler(machine, machine.Dice);
        var clock = new SimClock(machine, scheduler);
        var thread = Environment.CurrentManagedThreadId;
        var order = new List<string>();
        using var one = new SemaphoreSlim(1);
        using var over = new CancellationTokenSource();
        var done = Task.WhenAll(Enumerable.Range(0, Tasks).Select(n => Task.Run(() => WorkAsync(n))).Append(Parallel.ForEachAsync(
            Enumerable.Range(0, Tasks), new ParallelOptions { MaxDegreeOfParallelism = 2, TaskScheduler = SimTasks.Instance }, (_, _) => ValueTask.CompletedTask)));
        while (!done.IsCompleted)
        {
            if (scheduler.IsEmpty)
            {
                Assert.True(clock.Advance(), "Nothing goes on.");
            }
            else
            {
                scheduler.RunOne();
            }
        }

        done.GetAwaiter().GetResult();
        return string.Join(' ', order);

        async Task WorkAsync(int n)
        {
            var told = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(5), clock);
            for (var round = 0; round < Rounds; round++)
            {
                await one.WaitAsync().ConfigureAwait(false);
                Add(n);
                one.Release();
                await timer.WaitForNextTickAsync().ConfigureAwait(false);
                await Task.Delay(TimeSpan.FromMilliseconds(n), clock).ConfigureAwait(false);
            }

            using var waits = over.Token.Register(told.SetResult);
            if (n == 0)
            {
                await over.CancelAsync().ConfigureAwait(false);
            }

            await Task.WhenAny(told.Task, Task.Delay(TimeSpan.FromDays(1), clock)).WaitAsync(CancellationToken.None).ConfigureAwait(false);
        }

        void Add(int n)
        {
            Assert.Equal(thread, Environment.CurrentManagedThreadId);
            order.Add($"{n}");
        }
    });
}
