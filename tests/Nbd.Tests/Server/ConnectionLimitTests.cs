using ActorBackup.Nbd.Protocol;
using ActorBackup.Nbd.Server;
using ActorBackup.Nbd.Tests.Support;

namespace ActorBackup.Nbd.Tests.Server;

public sealed class ConnectionLimitTests : ServerTest
{
    private const int ConnectionsMax = 4;

    private static readonly TimeSpan HandshakeTimeout = TimeSpan.FromSeconds(10);

    private readonly ManualClock _clock = new();

    [Fact]
    public async Task Connections_beyond_the_limit_are_closed_at_once_and_a_place_that_gets_free_is_given_away()
    {
        var clients = Enumerable.Range(0, ConnectionsMax).Select(_ => Simple()).ToList();
        for (var i = 0; i < 20; i++)
        {
            using var refused = new RawClient(Server.SocketPath);
            refused.ExpectSilentEnd();
        }

        clients.ForEach(c => ExpectServed(c));
        clients[0].Request(NbdCommand.Disconnect, 0, 0);
        clients[0].ExpectSilentEnd();
        await Patience.UntilAsync(() => Server.Server.Connections < ConnectionsMax);
        using var next = Simple();
        ExpectServed(next);
        clients.ForEach(c => c.Dispose());
    }

    [Fact]
    public async Task A_client_that_comes_takes_the_place_of_the_one_that_has_been_choosing_for_longest()
    {
        using var chosen = Simple();
        var idle = Enumerable.Range(0, ConnectionsMax - 1).Select(_ => Greeted()).ToList();
        using var next = Simple();
        idle[0].ExpectSilentEnd();
        await Patience.UntilAsync(() => Server.Server.Connections == ConnectionsMax);
        ExpectServed(next);
        ExpectServed(chosen);
        Assert.Equal(OptionReplyType.Ack, idle[1].Ask(NbdOption.Go, RawClient.Info("disk")).Last().Type);
        idle.ForEach(c => c.Dispose());
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
        options with { MaxConnections = ConnectionsMax, HandshakeTimeout = HandshakeTimeout, TimeProvider = _clock };
}
