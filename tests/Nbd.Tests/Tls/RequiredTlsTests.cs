using ActorBackup.Nbd.Protocol;
using ActorBackup.Nbd.Tests.Support;
using ActorBackup.Nbd.Tls;

namespace ActorBackup.Nbd.Tests.Tls;

public sealed class RequiredTlsTests() : TlsTest(TlsMode.Require)
{
    [Theory]
    [InlineData(NbdOption.List)]
    [InlineData(NbdOption.Info)]
    [InlineData(NbdOption.Go)]
    [InlineData(NbdOption.StructuredReply)]
    [InlineData(NbdOption.ListMetaContext)]
    [InlineData(NbdOption.SetMetaContext)]
    [InlineData((NbdOption)99)]
    public void Before_tls_every_option_is_answered_with_what_it_needs(NbdOption option)
    {
        using var client = GreetedOverTcp();
        Assert.Equal(OptionReplyType.ErrorTlsRequired, client.Ask(option, RawClient.Info("disk")).Single().Type);
        client.StartTls();
        Assert.Equal(OptionReplyType.Ack, client.Ask(NbdOption.Go, RawClient.Info("disk")).Last().Type);
        ExpectServed(client);
    }

    [Fact]
    public void Before_tls_an_export_by_its_old_option_ends_the_connection()
    {
        using var client = GreetedOverTcp();
        client.SendOption(NbdOption.ExportName, "disk"u8.ToArray());
        client.ExpectSilentEnd();
        Assert.Equal(0, Export.Clients);
    }

    [Fact]
    public void A_client_may_leave_before_tls()
    {
        using var client = GreetedOverTcp();
        Assert.Equal(OptionReplyType.Ack, client.Ask(NbdOption.Abort, []).Single().Type);
        client.ExpectSilentEnd();
    }

    [Fact]
    public void The_unix_socket_needs_no_tls_and_has_none()
    {
        using var client = Greeted();
        Assert.Equal(OptionReplyType.ErrorUnsupported, client.Ask(NbdOption.StartTls, []).Single().Type);
        Assert.Equal(OptionReplyType.Ack, client.Ask(NbdOption.Go, RawClient.Info("disk")).Last().Type);
        ExpectServed(client);
    }

    [Fact]
    public void Starttls_with_data_is_malformed_and_may_be_repeated_without()
    {
        using var client = GreetedOverTcp();
        Assert.Equal(OptionReplyType.ErrorInvalid, client.Ask(NbdOption.StartTls, [1]).Single().Type);
        client.StartTls();
        Assert.Equal(OptionReplyType.Ack, client.Ask(NbdOption.Go, RawClient.Info("disk")).Last().Type);
    }

    [Fact]
    public void Tls_within_tls_is_refused()
    {
        using var client = GreetedOverTcp();
        client.StartTls();
        Assert.Equal(OptionReplyType.ErrorInvalid, client.Ask(NbdOption.StartTls, []).Single().Type);
        Assert.Equal(OptionReplyType.Ack, client.Ask(NbdOption.Go, RawClient.Info("disk")).Last().Type);
        ExpectServed(client);
    }

    [Fact]
    public void Flags_of_before_tls_hold_after_it()
    {
        using var client = GreetedOverTcp(HandshakeFlags.FixedNewstyle);
        client.StartTls();
        client.SendOption(NbdOption.ExportName, "disk"u8.ToArray());
        Assert.Equal(new byte[124], client.Receive(10 + 124)[10..]);
        ExpectServed(client);
    }

    [Fact]
    public void What_comes_in_the_clear_behind_starttls_is_not_taken_for_the_clients()
    {
        using var client = GreetedOverTcp();
        client.Send([.. RawClient.OptionBytes(NbdOption.StartTls, []), .. RawClient.OptionBytes(NbdOption.Go, RawClient.Info("disk"))]);
        Assert.Equal(OptionReplyType.Ack, client.ReceiveOptionReply(NbdOption.StartTls).Type);

        // Nor does TLS begin behind it, as it would for a server that only drops those bytes.
        Assert.ThrowsAny<IOException>(() => client.Secure());
        Assert.Equal(0, Export.Clients);
    }

    [Theory]
    [InlineData("49484156454f5054 00000007 00000000")]
    [InlineData("00")]
    [InlineData("16 0301 ffff 00")]
    [InlineData("80 2e 01 00 02")]
    [InlineData("16 0301 0005 0100000100")]
    public async Task Something_else_than_tls_ends_in_an_end(string said)
    {
        using var client = GreetedOverTcp();
        Assert.Equal(OptionReplyType.Ack, client.Ask(NbdOption.StartTls, []).Single().Type);
        client.TrySend(Hex.Bytes(said));
        client.TryStopSending();
        client.ExpectEnd();
        await Patience.UntilAsync(() => Server.Server.Connections == 0);
    }

    [Fact]
    public async Task A_connection_that_is_cut_after_any_byte_of_the_handshake_is_forgotten()
    {
        var hello = Hex.Bytes("16 0301 0005 0100000100");
        for (var length = 0; length <= hello.Length; length++)
        {
            using var client = GreetedOverTcp();
            client.Ask(NbdOption.StartTls, []);
            client.Send(hello[..length]);
        }

        await Patience.UntilAsync(() => Server.Server.Connections == 0);
    }

    [Fact]
    public async Task Our_client_without_tls_is_told_what_it_needs()
    {
        var e = await Assert.ThrowsAsync<Nbd.Client.NbdRefusedException>(() => Nbd.Client.NbdClient.ConnectAsync(Server.TcpUri("disk")).InTime());
        Assert.Contains("TLS", e.Message, StringComparison.Ordinal);
    }
}
