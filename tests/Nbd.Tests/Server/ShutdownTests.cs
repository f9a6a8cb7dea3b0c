using ActorBackup.Nbd.Protocol;
using ActorBackup.Nbd.Tests.Support;

namespace ActorBackup.Nbd.Tests.Server;

/// <summary>An export or the whole server ends while clients are connected.</summary>
public sealed class ShutdownTests : ServerTest
{
    private readonly Gate _gate = new();

    [Fact]
    public async Task An_idle_client_sees_the_connection_end()
    {
        using var client = Simple();
        using var greeted = Greeted();
        Assert.True(await Server.Server.StopAsync().InTime());
        client.ExpectSilentEnd();
        greeted.ExpectSilentEnd();
        Assert.Equal(0, Server.Server.Connections);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Requests_that_have_begun_are_answered_before_the_connection_ends(bool isServerStopped)
    {
        Device.Before = _gate.HoldAsync;
        using var client = Simple();
        client.Request(NbdCommand.Read, 0, 512, cookie: 1);
        client.Request(NbdCommand.Write, 4096, 4, cookie: 2, payload: [1, 2, 3, 4]);
        await _gate.ArrivedAsync("write 4096 4");
        var stopped = isServerStopped ? Server.Server.StopAsync() : Export.CloseAsync();
        _gate.Open();
        Assert.Equal([1, 2], new[] { ReceiveReply(client, 512), ReceiveReply(client, 512) }.Order());
        Assert.True(await stopped.InTime());
        client.ExpectSilentEnd();
    }

    [Fact]
    public async Task Requests_that_come_too_late_are_left_without_an_answer_for_the_next_server()
    {
        // The connection's thread is kept inside the device, so what follows has arrived when it looks again.
        using var inDevice = new ManualResetEventSlim();
        using var goOn = new ManualResetEventSlim();
        Device.Before = _ =>
        {
            inDevice.Set();
            Assert.True(goOn.Wait(Patience.Limit));
            return ValueTask.CompletedTask;
        };
        using var client = Simple();
        client.Request(NbdCommand.Flush, 0, 0, cookie: 1);
        await Task.Run(() => Assert.True(inDevice.Wait(Patience.Limit)));
        client.Request(NbdCommand.Write, 4096, 4, cookie: 2, payload: [1, 2, 3, 4]);
        client.Request(NbdCommand.Read, 0, 512, cookie: 3);
        var closed = Export.CloseAsync();
        goOn.Set();
        Assert.Equal(new SimpleReplyHeader(NbdErrno.None, 1), client.ReceiveSimple());
        Assert.True(await closed.InTime());
        client.ExpectSilentEnd();
        Assert.Equal(["flush"], Device.CallsSoFar);
    }

    [Fact]
    public async Task Closing_an_export_leaves_the_clients_of_others_alone()
    {
        var doomed = Server.Add("doomed", new MemoryDevice(4096));
        using var client = Simple();
        using var victim = Simple("doomed");
        Assert.Equal((1, 1), (Export.Clients, doomed.Clients));
        Assert.True(Server.Catalog.Remove(doomed));
        Assert.True(await doomed.CloseAsync().InTime());
        victim.ExpectSilentEnd();
        ExpectServed(client);
        using var late = Greeted();
        Assert.Equal(OptionReplyType.ErrorUnknown, Assert.Single(late.Ask(NbdOption.Go, RawClient.Info("doomed"))).Type);
    }

    [Fact]
    public async Task A_stopped_server_has_no_socket_and_can_be_stopped_again()
    {
        Assert.True(File.Exists(Server.SocketPath));
        Assert.True(await Server.Server.StopAsync().InTime());
        Assert.False(File.Exists(Server.SocketPath));
        Assert.True(await Server.Server.StopAsync().InTime());
    }

    [Fact]
    public async Task Impatience_cuts_the_connection_and_tells_that_a_call_still_runs()
    {
        Device.Before = _gate.HoldAsync;
        using var client = Simple();
        client.Request(NbdCommand.Flush, 0, 0);
        await _gate.ArrivedAsync("flush");
        using var impatience = new CancellationTokenSource();
        var closed = Export.CloseAsync(impatience.Token);
        await impatience.CancelAsync();
        client.ExpectSilentEnd();
        Assert.False(await closed.InTime());
        Assert.Equal(1, Export.Clients);
        _gate.Open();
        Assert.True(await Export.CloseAsync().InTime());
        Assert.Equal(0, Export.Clients);
    }

    [Fact]
    public async Task Impatience_asks_device_calls_to_give_up()
    {
        Device.Before = async call =>
        {
            await _gate.HoldAsync(call);
            await Task.Delay(Timeout.InfiniteTimeSpan, Device.Cancellation);
        };
        using var client = Simple();
        client.Request(NbdCommand.Flush, 0, 0);
        await _gate.ArrivedAsync("flush");
        using var impatience = new CancellationTokenSource();
        var closed = Export.CloseAsync(impatience.Token);
        _gate.Open();
        await impatience.CancelAsync();
        await closed.InTime();
        Assert.True(await Export.CloseAsync().InTime());
        client.ExpectSilentEnd();
    }

    [Fact]
    public async Task A_client_that_does_not_read_cannot_hold_up_an_impatient_stop()
    {
        using var client = Simple();
        client.Send([.. Enumerable.Range(0, 50).SelectMany(_ => RawClient.RequestBytes(NbdCommand.Read, 0, SizeBytes))]);
        await Patience.UntilAsync(() => Device.CallsSoFar.Length > 0);
        using var impatience = new CancellationTokenSource();
        var stopped = Server.Server.StopAsync(impatience.Token);
        await impatience.CancelAsync();
        await stopped.InTime();
        Assert.True(await Server.Server.StopAsync().InTime());
        Assert.Equal(0, Server.Server.Connections);
    }

    private static int ReceiveReply(RawClient client, int readBytes)
    {
        var reply = client.ReceiveSimple();
        Assert.Equal(NbdErrno.None, reply.Error);
        if (reply.Cookie == 1)
        {
            client.Receive(readBytes);
        }

        return (int)reply.Cookie;
    }
}
