using ActorBackup.Nbd.Protocol;
using ActorBackup.Nbd.Server;
using ActorBackup.Nbd.Tests.Support;
using ActorBackup.Nbd.Tls;

namespace ActorBackup.Nbd.Tests.Tls;

public sealed class TlsTimeoutTests() : TlsTest(TlsMode.Require)
{
    private static readonly TimeSpan HandshakeTimeout = TimeSpan.FromSeconds(10);

    private readonly ManualClock _clock = new();

    [Theory]
    [InlineData("")]
    [InlineData("16")]
    [InlineData("16 0301 0200 0100")]
    public async Task A_handshake_that_stalls_is_dropped_in_time(string said)
    {
        using var slow = GreetedOverTcp();
        slow.Ask(NbdOption.StartTls, []);
        slow.Send(Hex.Bytes(said));
        await ExpectDroppedAsync(slow);
    }

    [Fact]
    public async Task A_client_that_does_not_choose_after_tls_is_dropped_in_time()
    {
        using var slow = GreetedOverTcp();
        slow.StartTls();
        await ExpectDroppedAsync(slow);
    }

    [Fact]
    public async Task A_client_that_has_chosen_may_be_idle_for_ever()
    {
        using var client = Secured();
        ExpectServed(client);
        await Patience.UntilAsync(() => _clock.Timers == 0);
        _clock.Pass(TimeSpan.MaxValue);
        ExpectServed(client);
    }

    private protected override NbdServerOptions ConfigureServer(NbdServerOptions options) =>
        base.ConfigureServer(options) with { HandshakeTimeout = HandshakeTimeout, TimeProvider = _clock };

    private async Task ExpectDroppedAsync(RawClient slow)
    {
        await Patience.UntilAsync(() => _clock.Timers == 1);
        _clock.Pass(HandshakeTimeout);
        slow.ExpectEnd();
        await Patience.UntilAsync(() => Server.Server.Connections == 0);
        Assert.Equal(0, _clock.Timers);
    }
}
