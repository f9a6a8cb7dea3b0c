using ActorBackup.Nbd.Protocol;
using ActorBackup.Nbd.Server;
using ActorBackup.Nbd.Tests.Support;
using ActorBackup.Nbd.Tls;

namespace ActorBackup.Nbd.Tests.Tls;

public sealed class AllowedTlsTests() : TlsTest(TlsMode.Allow)
{
    [Fact]
    public void A_client_may_do_without()
    {
        using var client = GreetedOverTcp();
        Assert.Equal(OptionReplyType.Ack, client.Ask(NbdOption.Go, RawClient.Info("disk")).Last().Type);
        ExpectServed(client);
    }

    [Fact]
    public void A_client_may_do_with()
    {
        using var client = Secured();
        ExpectServed(client);
    }

    [Fact]
    public void What_was_agreed_on_in_the_clear_is_forgotten()
    {
        using var client = GreetedOverTcp();
        client.Ask(NbdOption.StructuredReply, []);
        client.Ask(NbdOption.SetMetaContext, RawClient.MetaContext("disk", AllocationContext.ContextName));
        client.StartTls();

        // Contexts would be malformed if structured replies were still agreed on, and a read would be answered in chunks.
        Assert.Equal(OptionReplyType.ErrorInvalid, client.Ask(NbdOption.SetMetaContext, RawClient.MetaContext("disk", AllocationContext.ContextName)).Single().Type);
        client.Ask(NbdOption.Go, RawClient.Info("disk"));
        ExpectServed(client);
    }
}
