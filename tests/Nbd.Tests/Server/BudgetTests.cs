using ActorBackup.Nbd.Protocol;
using ActorBackup.Nbd.Server;
using ActorBackup.Nbd.Tests.Support;

namespace ActorBackup.Nbd.Tests.Server;

/// <summary>What all clients together may make the server hold.</summary>
public sealed class BudgetTests : ServerTest
{
    private const int BudgetBytes = 1 << 20;
    private const int LargeBytes = 512 * 1024;

    [Fact]
    public async Task Clients_that_stop_within_a_large_write_hold_no_more_than_the_budget_and_small_requests_go_on()
    {
        var stuck = new List<RawClient>();
        for (var i = 0; i < 8; i++)
        {
            var client = Simple();
            client.Send(RawClient.RequestBytes(NbdCommand.Write, 0, LargeBytes, payload: new byte[LargeBytes])[..100_000]);
            stuck.Add(client);
        }

        await Patience.UntilAsync(() => Server.Server.Budget.Bytes == BudgetBytes);
        using var good = Simple();
        for (var i = 0; i < 100; i++)
        {
            ExpectServed(good);
        }

        Assert.Equal(BudgetBytes, Server.Server.Budget.Bytes);
        stuck.ForEach(c => c.Dispose());
        await Patience.UntilAsync(() => Server.Server.Connections == 1);
        Assert.Equal(0, Server.Server.Budget.Bytes);
    }

    [Fact]
    public async Task A_large_request_waits_for_memory_and_then_is_served()
    {
        var gate = new Gate();
        Device.Before = gate.HoldAsync;
        using var first = Simple();
        first.Send(RawClient.RequestBytes(NbdCommand.Read, 0, BudgetBytes));
        await Patience.UntilAsync(() => gate.Held == 1);
        using var second = Simple();
        second.Send(RawClient.RequestBytes(NbdCommand.Read, 4096, LargeBytes));
        using var third = Simple();
        var writing = Task.Run(() => third.Send(RawClient.RequestBytes(NbdCommand.Write, 4096, LargeBytes, payload: new byte[LargeBytes])));
        Assert.Equal(1, gate.Held);

        // The device is slow here, so nobody is to blame and nobody is cut.
        gate.Open();
        Assert.Equal(NbdErrno.None, first.ReceiveSimple().Error);
        first.Receive(BudgetBytes);
        Assert.Equal(NbdErrno.None, second.ReceiveSimple().Error);
        second.Receive(LargeBytes);
        await writing.InTime();
        Assert.Equal(NbdErrno.None, third.ReceiveSimple().Error);
        await Patience.UntilAsync(() => Server.Server.Budget.Bytes == 0);
    }

    [Fact]
    public async Task A_cut_connection_does_not_go_on_waiting_for_memory()
    {
        var gate = new Gate();
        Device.Before = gate.HoldAsync;
        using var first = Simple();
        first.Send(RawClient.RequestBytes(NbdCommand.Read, 0, BudgetBytes));
        await Patience.UntilAsync(() => gate.Held == 1);
        var other = Server.Add("other", new MemoryDevice(SizeBytes));
        using var second = Simple("other");
        second.Send(RawClient.RequestBytes(NbdCommand.Read, 0, LargeBytes));
        using var impatience = new CancellationTokenSource();
        var closing = other.CloseAsync(impatience.Token);
        await impatience.CancelAsync();
        Assert.True(await closing.InTime());
        gate.Open();
        first.Receive(SimpleReplyHeader.SizeBytes + BudgetBytes);
    }

    [Fact]
    public async Task What_is_held_is_given_back_whatever_becomes_of_the_request()
    {
        Device.Before = static async call =>
        {
            await Task.Yield();
            if (call.StartsWith("write", StringComparison.Ordinal))
            {
                throw new Core.Blocks.BlockDeviceException(Core.Blocks.BlockDeviceError.InputOutput, "no");
            }
        };
        using var client = Structured();
        foreach (var length in (uint[])[1, 4096, 65536, 70_000, LargeBytes])
        {
            client.Request(NbdCommand.Read, 0, length);
            client.ReceiveChunk();
            client.FailureOf(NbdCommand.Write, 0, length, payload: new byte[length]);
            client.FailureOf(NbdCommand.Write, SizeBytes, length, payload: new byte[length]);
        }

        client.Request(NbdCommand.BlockStatus, 0, SizeBytes);
        client.ReceiveChunk();
        await Patience.UntilAsync(() => Server.Server.Budget.Bytes == 0);
    }

    private protected override NbdServerOptions ConfigureServer(NbdServerOptions options) =>
        options with { MaxTotalInFlightBytes = BudgetBytes, StallPatience = TimeSpan.FromHours(1) };
}
