using ActorBackup.Nbd.Protocol;
using ActorBackup.Nbd.Server;
using ActorBackup.Nbd.Tests.Support;
using ActorBackup.Nbd.Tls;

namespace ActorBackup.Nbd.Tests.Tls;

/// <summary>A server with TLS over TCP.</summary>
public abstract class TlsTest : ServerTest
{
    private readonly TlsMode _mode;
    private readonly bool _wantsClients;

    private protected TlsTest(TlsMode mode, bool wantsClients = false)
    {
        _mode = mode;
        _wantsClients = wantsClients;
    }

    private protected Authority Authority { get; } = new();

    public override async Task DisposeAsync()
    {
        await base.DisposeAsync();
        Authority.Dispose();
    }

    private protected override NbdServerOptions ConfigureServer(NbdServerOptions options) => options with { Tls = Authority.Server(_mode, _wantsClients) };

    /// <summary>A client over TCP in the options phase, in the clear.</summary>
    private protected RawClient GreetedOverTcp(HandshakeFlags flags = HandshakeFlags.FixedNewstyle | HandshakeFlags.NoZeroes)
    {
        var client = new RawClient(Server.Server.TcpEndPoint!);
        client.Greet(flags);
        return client;
    }

    /// <summary>A client in the transmission phase over TLS, with simple replies.</summary>
    private protected RawClient Secured()
    {
        var client = GreetedOverTcp();
        client.StartTls();
        Assert.Equal(OptionReplyType.Ack, client.Ask(NbdOption.Go, RawClient.Info("disk")).Last().Type);
        return client;
    }
}
