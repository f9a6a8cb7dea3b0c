using ActorBackup.Nbd.Protocol;
using ActorBackup.Nbd.Server;
using ActorBackup.Nbd.Tests.Support;

namespace ActorBackup.Nbd.Tests.Server;

/// <summary>An export whose meta contexts change, and one that ends only while nobody uses it.</summary>
public sealed class OfferTests : ServerTest
{
    private readonly StripedContext _first = new("qemu:dirty-bitmap:first", 4096);
    private readonly StripedContext _second = new("qemu:dirty-bitmap:second", 4096);

    [Fact]
    public void New_clients_find_what_is_offered_now_and_connected_ones_keep_what_they_chose()
    {
        var export = Server.Add("tracked", Device, "", _first);
        using var old = RawClient.Entered(Server.SocketPath, "tracked", structured: true, _first.Name);
        Assert.True(export.TryOffer([_first, _second]));

        Assert.Equal([AllocationContext.ContextName, _first.Name, _second.Name], Listed());
        using var late = RawClient.Entered(Server.SocketPath, "tracked", structured: true, _second.Name);
        AssertHasStatus(old);
        AssertHasStatus(late);
    }

    [Fact]
    public async Task A_context_that_a_client_uses_does_not_go()
    {
        var export = Server.Add("tracked", Device, "", _first, _second);
        var client = RawClient.Entered(Server.SocketPath, "tracked", structured: true, _first.Name, AllocationContext.ContextName);

        Assert.False(export.TryOffer([_second]));
        Assert.Equal([AllocationContext.ContextName, _first.Name, _second.Name], Listed());
        AssertHasStatus(client, chunks: 2);
        Assert.True(export.TryOffer([_first]));
        client.Dispose();
        await Patience.UntilAsync(() => export.TryOffer([]));
        Assert.Equal([AllocationContext.ContextName], Listed());
    }

    [Fact]
    public void A_context_can_be_taken_from_its_clients_who_keep_its_number()
    {
        var export = Server.Add("tracked", Device, "", _first);
        using var client = RawClient.Entered(Server.SocketPath, "tracked", structured: true, _first.Name);
        export.Offer([]);

        AssertHasStatus(client);
        Assert.Equal([AllocationContext.ContextName], Listed());
    }

    [Fact]
    public void What_a_client_chose_and_is_gone_before_it_enters_keeps_it_out()
    {
        var export = Server.Add("tracked", Device, "", _first);
        using var client = Greeted();
        client.Ask(NbdOption.StructuredReply, []);
        client.Ask(NbdOption.SetMetaContext, RawClient.MetaContext("tracked", _first.Name));
        Assert.True(export.TryOffer([]));

        Assert.Equal(OptionReplyType.ErrorShutdown, Assert.Single(client.Ask(NbdOption.Go, RawClient.Info("tracked"))).Type);
        client.Ask(NbdOption.SetMetaContext, RawClient.MetaContext("tracked", AllocationContext.ContextName));
        Assert.Equal(OptionReplyType.Ack, client.Ask(NbdOption.Go, RawClient.Info("tracked")).Last().Type);
    }

    [Fact]
    public async Task An_export_that_is_used_does_not_end_idly()
    {
        var client = Simple();
        Assert.False(Export.TryCloseIdle());
        ExpectServed(client);
        client.Dispose();
        await Patience.UntilAsync(Export.TryCloseIdle);

        using var late = Greeted();
        Assert.Equal(OptionReplyType.ErrorShutdown, Assert.Single(late.Ask(NbdOption.Go, RawClient.Info("disk"))).Type);
        Assert.True(Export.IsClosed);
    }

    [Fact]
    public async Task Depth_is_one_where_there_is_data()
    {
        var context = new AllocationDepthContext(Device);
        await Device.WriteAsync(0, new byte[4096], false, default);
        await Device.WriteAsync(12288, new byte[4096], false, default);
        var runs = new StatusRun[4];
        var count = await context.QueryAsync(0, 16384, runs, CancellationToken.None);

        Assert.Equal([new StatusRun(4096, 1), new StatusRun(8192, 0), new StatusRun(4096, 1)], runs[..count]);
        Assert.Equal(context, new AllocationDepthContext(Device));
    }

    private static void AssertHasStatus(RawClient client, int chunks = 1)
    {
        client.Request(NbdCommand.BlockStatus, 0, 4096);
        for (var i = 0; i < chunks; i++)
        {
            Assert.Equal(ChunkType.BlockStatus, client.ReceiveChunk().Header.Type);
        }
    }

    private List<string> Listed()
    {
        using var client = Greeted();
        client.Ask(NbdOption.StructuredReply, []);
        return [.. client.Ask(NbdOption.ListMetaContext, RawClient.MetaContext("tracked"))[..^1].Select(r => RawClient.Text(r.Data, 4))];
    }
}
