using ActorBackup.Files;
using ActorBackup.Volumes.Disks;
using ActorBackup.Volumes.Tests.Support;

namespace ActorBackup.Volumes.Tests.Disks;

public sealed class WriteGateTests
{
    [Fact]
    public void A_hold_waits_for_the_writes_inside_and_lets_no_other_in()
    {
        var scheduler = new QueueScheduler();
        var gate = new WriteGate(scheduler);
        Assert.True(gate.TryEnter());

        var held = gate.HoldAsync();
        Assert.False(gate.TryEnter());
        Assert.False(held.IsCompleted);
        gate.Exit();
        scheduler.Run(held);

        Assert.False(gate.TryEnter());
        gate.Release();
        Assert.True(gate.TryEnter());
    }

    [Fact]
    public void Holds_nest()
    {
        var scheduler = new QueueScheduler();
        var gate = new WriteGate(scheduler);
        Assert.True(gate.TryEnter());
        var first = gate.HoldAsync();
        var second = gate.HoldAsync();
        gate.Exit();
        scheduler.Run(Task.WhenAll(first, second));

        gate.Release();
        Assert.False(gate.TryEnter());
        gate.Release();
        Assert.True(gate.TryEnter());
    }

    [Fact]
    public void A_late_signal_of_an_earlier_hold_does_not_end_the_drain_of_the_next()
    {
        var scheduler = new QueueScheduler();
        var gate = new WriteGate(scheduler);
        scheduler.Run(gate.HoldAsync());
        gate.Release();
        scheduler.RunAll();
        Assert.True(gate.TryEnter());
        var held = gate.HoldAsync();

        gate.SignalDrained();
        scheduler.RunAll();

        Assert.False(held.IsCompleted);
        gate.Exit();
        scheduler.Run(held);
    }

    /// <summary>Rule 8: whoever leaves late may not tell a later hold that its own writes are gone.</summary>
    [Fact]
    public async Task Under_any_order_of_threads_no_write_is_inside_while_the_gate_is_held()
    {
        var gate = new WriteGate(IoThreads.Instance);
        var inside = 0;
        var met = 0;
        var stop = false;
        var writers = Enumerable.Range(0, 2).Select(_ => Task.Factory.StartNew(Write, TaskCreationOptions.LongRunning)).ToArray();
        for (var hold = 0; hold < 1000; hold++)
        {
            await gate.HoldAsync();
            met += Volatile.Read(ref inside);
            gate.Release();
        }

        Volatile.Write(ref stop, true);
        await Task.WhenAll(writers);

        Assert.Equal(0, met);

        void Write()
        {
            while (!Volatile.Read(ref stop))
            {
                if (gate.TryEnter())
                {
                    Interlocked.Increment(ref inside);
                    Thread.SpinWait(20);
                    Interlocked.Decrement(ref inside);
                    gate.Exit();
                }
                else
                {
                    // Leaves the processor to whoever holds the gate.
                    Thread.Yield();
                }
            }
        }
    }
}
