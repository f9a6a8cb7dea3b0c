using ActorBackup.Nbd.Protocol;
using ActorBackup.Nbd.Server;
using ActorBackup.Nbd.Tests.Support;

namespace ActorBackup.Nbd.Tests.Server;

public sealed class ConnectionLimitTests : ServerTest
{
    private const int ConnectionsMax = 4;
    private const int HandshakesMax = 3;

    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan HandshakeTimeout = TimeSpan.FromSeconds(10);

    private readonly ManualClock _clock = new();

    [Fact]
    public async Task A_client_beyond_the_limit_is_told_and_has_the_place_that_gets_free_in_the_same_connection()
    {
        var clients = Enumerable.Range(0, ConnectionsMax).Select(_ => Simple()).ToList();
        using var next = Greeted();
        Assert.Equal(OptionReplyType.Ack, next.Ask(NbdOption.Info, RawClient.Info("disk")).Last().Type);
        for (var i = 0; i < 20; i++)
        {
            var (type, data) = Assert.Single(next.Ask(NbdOption.Go, RawClient.Info("disk")));
            Assert.Equal(OptionReplyType.ErrorPolicy, type);
            Assert.Contains("as many clients as it takes", RawClient.Text(data), StringComparison.Ordinal);
        }

        clients.ForEach(c => ExpectServed(c));
        clients[0].Request(NbdCommand.Disconnect, 0, 0);
        clients[0].ExpectSilentEnd();
        await Patience.UntilAsync(() => Server.Server.Connections == ConnectionsMax);
        Assert.Equal(OptionReplyType.Ack, next.Ask(NbdOption.Go, RawClient.Info("disk")).Last().Type);
        ExpectServed(next);
        clients.ForEach(c => c.Dispose());
    }

    [Fact]
    public async Task Beyond_the_limit_the_old_option_ends_the_connection_and_our_client_says_why_it_is_refused()
    {
        var clients = Enumerable.Range(0, ConnectionsMax).Select(_ => Simple()).ToList();
        using var old = Greeted();
        old.SendOption(NbdOption.ExportName, "disk"u8.ToArray());
        old.ExpectSilentEnd();
        var e = await Assert.ThrowsAsync<Nbd.Client.NbdRefusedException>(() => Nbd.Client.NbdClient.ConnectAsync(Server.UnixUri("disk")).InTime());
        Assert.Contains("as many clients as it takes", e.Message, StringComparison.Ordinal);
        clients.ForEach(c => c.Dispose());
    }

    [Fact]
    public void A_client_that_comes_takes_the_place_of_the_one_that_has_been_choosing_for_longest()
    {
        var chosen = Enumerable.Range(0, ConnectionsMax - 1).Select(_ => Simple()).ToList();
        var idle = Enumerable.Range(0, HandshakesMax).Select(_ => Greeted()).ToList();
        _clock.Pass(Grace);
        using var next = Simple();
        idle[0].ExpectSilentEnd();
        ExpectServed(next);
        chosen.ForEach(c => ExpectServed(c));
        idle.Skip(1).ToList().ForEach(c => Assert.Equal(OptionReplyType.ErrorPolicy, c.Ask(NbdOption.Go, RawClient.Info("disk")).Last().Type));
        idle.Concat(chosen).ToList().ForEach(c => c.Dispose());
    }

    [Fact]
    public async Task A_client_that_has_just_come_keeps_its_place_and_the_next_one_waits()
    {
        var idle = Enumerable.Range(0, HandshakesMax).Select(_ => Greeted()).ToList();
        using var next = new RawClient(Server.SocketPath);
        await Patience.UntilAsync(() => _clock.Timers == HandshakesMax + 1);
        _clock.Pass(Grace - TimeSpan.FromTicks(1));
        Assert.Equal(0, next.Socket.Available);
        Assert.Equal(HandshakesMax, Server.Server.Connections);

        Assert.Equal(OptionReplyType.Ack, idle[1].Ask(NbdOption.Go, RawClient.Info("disk")).Last().Type);
        next.Greet();
        ExpectServed(idle[1]);
        Assert.Equal(OptionReplyType.Ack, idle[0].Ask(NbdOption.Go, RawClient.Info("disk")).Last().Type);
        idle.ForEach(c => c.Dispose());
    }

    [Fact]
    public async Task A_flood_on_the_network_keeps_nobody_off_the_unix_socket()
    {
        var flood = Enumerable.Range(0, 10 * HandshakesMax).Select(_ => new RawClient(Server.Server.TcpEndPoint!)).ToList();
        await Patience.UntilAsync(() => Server.Server.Connections == HandshakesMax);
        using var guest = Simple();
        ExpectServed(guest);
        flood.ForEach(c => c.Dispose());
    }

    [Fact]
    public async Task A_server_stops_while_clients_wait_for_a_place()
    {
        var flood = Enumerable.Range(0, 2 * HandshakesMax).Select(_ => new RawClient(Server.SocketPath)).ToList();
        await Patience.UntilAsync(() => _clock.Timers == HandshakesMax + 1);
        Assert.True(await Server.Server.StopAsync().InTime());
        flood.ForEach(c => c.ExpectEnd());
        flood.ForEach(c => c.Dispose());
    }

    [Theory]
    [InlineData("")]
    [InlineData("0000")]
    [InlineData("00000003")]
    [InlineData("00000003 49484156454f5054 00000003 00000000")]
    [InlineData("00000003 49484156454f5054 00000063 01000000")]
    public async Task A_client_that_has_not_chosen_in_time_is_dropped(string said)
    {
        using var slow = new RawClient(Server.SocketPath);
        slow.Receive(18);
        slow.Send(Hex.Bytes(said));
        await Patience.UntilAsync(() => _clock.Timers == 1);
        _clock.Pass(HandshakeTimeout);
        slow.ExpectEnd();
        await Patience.UntilAsync(() => Server.Server.Connections == 0);
        Assert.Equal(0, _clock.Timers);
    }

    [Fact]
    public async Task A_client_that_chooses_just_in_time_is_served()
    {
        using var client = Greeted();
        await Patience.UntilAsync(() => _clock.Timers == 1);
        _clock.Pass(HandshakeTimeout - TimeSpan.FromTicks(1));
        Assert.Equal(OptionReplyType.Ack, client.Ask(NbdOption.Go, RawClient.Info("disk")).Last().Type);
        ExpectServed(client);
    }

    [Fact]
    public async Task A_client_that_does_not_read_the_answers_to_its_options_is_dropped_in_time()
    {
        using var deaf = Greeted();
        var flood = Enumerable.Range(0, 100_000).SelectMany(_ => RawClient.OptionBytes((NbdOption)99, [])).ToArray();
        var sending = Task.Run(() => deaf.TrySend(flood));
        await Patience.UntilAsync(() => _clock.Timers == 1);
        _clock.Pass(HandshakeTimeout);
        await sending.InTime();
        await Patience.UntilAsync(() => Server.Server.Connections == 0);
    }

    [Fact]
    public async Task A_client_that_has_chosen_may_be_idle_for_ever()
    {
        using var client = Simple();
        ExpectServed(client);
        await Patience.UntilAsync(() => _clock.Timers == 0);
        _clock.Pass(TimeSpan.MaxValue);
        ExpectServed(client);
    }

    private protected override NbdServerOptions ConfigureServer(NbdServerOptions options) =>
        options with { MaxConnections = ConnectionsMax, MaxHandshakes = HandshakesMax, HandshakeGrace = Grace, HandshakeTimeout = HandshakeTimeout, TimeProvider = _clock };
}
