using System.Buffers.Binary;
using ActorBackup.Nbd.Protocol;
using ActorBackup.Nbd.Tests.Support;

namespace ActorBackup.Nbd.Tests.Server;

public sealed class MetaContextTests : ServerTest
{
    private const string Bitmap = "qemu:dirty-bitmap:daily";

    public MetaContextTests() => Server.Add("tracked", Device, "", new StripedContext(Bitmap, 4096), new StripedContext("qemu:dirty-bitmap:weekly", 8192));

    [Theory]
    [InlineData(NbdOption.ListMetaContext)]
    [InlineData(NbdOption.SetMetaContext)]
    public void Contexts_need_structured_replies(NbdOption option)
    {
        using var client = Greeted();
        Assert.Equal(OptionReplyType.ErrorInvalid, Assert.Single(client.Ask(option, RawClient.MetaContext("disk", "base:allocation"))).Type);
        ExpectStatus(Enter(client, "disk"), NbdErrno.InvalidArgument);
    }

    [Theory]
    [InlineData(NbdOption.ListMetaContext)]
    [InlineData(NbdOption.SetMetaContext)]
    public void An_unknown_export_has_no_contexts_and_the_session_goes_on(NbdOption option)
    {
        using var client = WithStructuredReplies();
        Assert.Equal(OptionReplyType.ErrorUnknown, Assert.Single(client.Ask(option, RawClient.MetaContext("nothing", "base:allocation"))).Type);
        ExpectServed(Enter(client, "disk"), isStructured: true);
    }

    [Theory]
    [InlineData("")]
    [InlineData("00000004 6469736b")]
    [InlineData("00000004 6469736b 00000001")]
    [InlineData("00000004 6469736b ffffffff")]
    [InlineData("00000004 6469736b 00000001 00000005 62617365")]
    [InlineData("00000004 6469736b 00000000 00")]
    [InlineData("00001001 6469736b 00000000")]
    public void Malformed_queries_are_invalid_and_the_session_goes_on(string data)
    {
        using var client = WithStructuredReplies();
        foreach (var option in (NbdOption[])[NbdOption.ListMetaContext, NbdOption.SetMetaContext])
        {
            Assert.Equal(OptionReplyType.ErrorInvalid, Assert.Single(client.Ask(option, Hex.Bytes(data))).Type);
        }

        ExpectServed(Enter(client, "disk"), isStructured: true);
    }

    [Fact]
    public void SET_selects_what_it_knows_and_ignores_the_rest()
    {
        using var client = WithStructuredReplies();
        var replies = client.Ask(NbdOption.SetMetaContext, RawClient.MetaContext("tracked", "x:y", "base:", Bitmap, "", "base:allocation", Bitmap, "nonsense"));
        Assert.Equal([(1u, "base:allocation"), (2u, Bitmap)], ContextsOf(replies));

        client.Ask(NbdOption.Go, RawClient.Info("tracked"));
        client.Request(NbdCommand.BlockStatus, 0, 8192);
        Assert.Equal(ChunkFlags.None, client.ReceiveChunk().Header.Flags);
        var (last, payload) = client.ReceiveChunk();
        Assert.Equal(ChunkFlags.Done, last.Flags);
        Assert.Equal(Hex.Bytes("00000002 00001000 00000000 00001000 00000001"), payload);
    }

    [Fact]
    public void SET_without_queries_selects_nothing()
    {
        using var client = WithStructuredReplies();
        Assert.Empty(ContextsOf(client.Ask(NbdOption.SetMetaContext, RawClient.MetaContext("disk"))));
        ExpectStatus(Enter(client, "disk"), NbdErrno.InvalidArgument);
    }

    [Fact]
    public void The_last_SET_counts()
    {
        using var client = WithStructuredReplies();
        client.Ask(NbdOption.SetMetaContext, RawClient.MetaContext("tracked", "base:allocation"));
        Assert.Equal([(1u, Bitmap)], ContextsOf(client.Ask(NbdOption.SetMetaContext, RawClient.MetaContext("tracked", Bitmap))));
        client.Ask(NbdOption.Go, RawClient.Info("tracked"));
        client.Request(NbdCommand.BlockStatus, 4096, 4096);
        Assert.Equal(Hex.Bytes("00000001 00001000 00000001"), client.ReceiveChunk().Payload);
    }

    [Theory]
    [InlineData("00000004 6469736b 00000001")]
    [InlineData("00000007 6e6f7468696e67 00000000")]
    public void A_SET_that_fails_selects_nothing_either(string data)
    {
        using var client = WithStructuredReplies();
        client.Ask(NbdOption.SetMetaContext, RawClient.MetaContext("disk", "base:allocation"));
        Assert.True(Assert.Single(client.Ask(NbdOption.SetMetaContext, Hex.Bytes(data))).Type > OptionReplyType.ErrorBit);
        ExpectStatus(Enter(client, "disk"), NbdErrno.InvalidArgument);
    }

    [Fact]
    public void Contexts_of_another_export_do_not_count()
    {
        using var client = WithStructuredReplies();
        client.Ask(NbdOption.SetMetaContext, RawClient.MetaContext("tracked", "base:allocation"));
        ExpectStatus(Enter(client, "disk"), NbdErrno.InvalidArgument);
    }

    [Fact]
    public void A_failed_GO_and_a_LIST_leave_the_selection_alone()
    {
        using var client = WithStructuredReplies();
        client.Ask(NbdOption.SetMetaContext, RawClient.MetaContext("disk", "base:allocation"));
        client.Ask(NbdOption.Go, RawClient.Info("nothing"));
        client.Ask(NbdOption.ListMetaContext, RawClient.MetaContext("tracked"));
        ExpectStatus(Enter(client, "disk"), NbdErrno.None);
    }

    [Theory]
    [InlineData("", "base:allocation", Bitmap, "qemu:dirty-bitmap:weekly")]
    [InlineData("base:", "base:allocation")]
    [InlineData("base:allocation", "base:allocation")]
    [InlineData("qemu:", Bitmap, "qemu:dirty-bitmap:weekly")]
    [InlineData("qemu:dirty-bitmap:", Bitmap, "qemu:dirty-bitmap:weekly")]
    [InlineData("qemu:dirty-bitmap:weekly", "qemu:dirty-bitmap:weekly")]
    [InlineData("qemu:dirty-bitmap:week")]
    [InlineData("qemu")]
    [InlineData("nothing:")]
    public void LIST_finds_names_and_namespaces(string query, params string[] expected)
    {
        using var client = WithStructuredReplies();
        var data = query.Length == 0 ? RawClient.MetaContext("tracked") : RawClient.MetaContext("tracked", query);
        Assert.Equal(expected.Select(e => (0u, e)), ContextsOf(client.Ask(NbdOption.ListMetaContext, data)));
    }

    [Fact]
    public void LIST_with_overlapping_queries_names_every_context_once()
    {
        using var client = WithStructuredReplies();
        var replies = client.Ask(NbdOption.ListMetaContext, RawClient.MetaContext("tracked", "qemu:", Bitmap, "base:", "base:allocation"));
        Assert.Equal(3, ContextsOf(replies).Count);
    }

    [Fact]
    public void As_many_queries_as_fit_are_looked_at()
    {
        var data = new byte[NbdLimits.OptionBytes];
        var writer = new OptionWriter(data);
        var count = (data.Length - 12) / sizeof(uint);
        writer.WriteString("disk");
        writer.WriteUInt32((uint)count);
        using var client = WithStructuredReplies();
        Assert.Empty(ContextsOf(client.Ask(NbdOption.SetMetaContext, data[..(12 + (count * sizeof(uint)))])));
    }

    private static List<(uint Id, string Name)> ContextsOf(List<(OptionReplyType Type, byte[] Data)> replies)
    {
        Assert.Equal(OptionReplyType.Ack, replies[^1].Type);
        Assert.All(replies[..^1], r => Assert.Equal(OptionReplyType.MetaContext, r.Type));
        return [.. replies[..^1].Select(r => (BinaryPrimitives.ReadUInt32BigEndian(r.Data), RawClient.Text(r.Data, 4)))];
    }

    private static RawClient Enter(RawClient client, string export)
    {
        Assert.Equal(OptionReplyType.Ack, client.Ask(NbdOption.Go, RawClient.Info(export)).Last().Type);
        return client;
    }

    private static void ExpectStatus(RawClient client, NbdErrno error)
    {
        client.Request(NbdCommand.BlockStatus, 0, 4096);
        var magic = client.Receive(sizeof(uint));
        if (BinaryPrimitives.ReadUInt32BigEndian(magic) == NbdMagic.SimpleReply)
        {
            Assert.Equal((uint)error, BinaryPrimitives.ReadUInt32BigEndian(client.Receive(SimpleReplyHeader.SizeBytes - sizeof(uint))));
            return;
        }

        Assert.True(ChunkHeader.TryRead([.. magic, .. client.Receive(ChunkHeader.SizeBytes - sizeof(uint))], out var chunk));
        var payload = client.Receive((int)chunk.Length);
        Assert.Equal(error == NbdErrno.None ? ChunkType.BlockStatus : ChunkType.Error, chunk.Type);
        Assert.True(error == NbdErrno.None || (uint)error == BinaryPrimitives.ReadUInt32BigEndian(payload));
    }

    private RawClient WithStructuredReplies()
    {
        var client = Greeted();
        Assert.Equal(OptionReplyType.Ack, Assert.Single(client.Ask(NbdOption.StructuredReply, [])).Type);
        return client;
    }
}
