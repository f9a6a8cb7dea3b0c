using ActorBackup.Nbd.Protocol;
using ActorBackup.Nbd.Server;
using ActorBackup.Nbd.Tests.Support;

namespace ActorBackup.Nbd.Tests.Server;

/// <summary>What clients can make the server hold. Alone in the process while they run, because memory is the process's.</summary>
[Collection(Name)]
public sealed class MemoryTests : ServerTest
{
    public const string Name = "memory";

    private const int InFlightBytes = 4 << 20;
    private const int ReadBytes = 512 << 10;

    [Fact]
    public async Task Clients_that_do_not_read_what_they_ask_for_hold_a_bounded_part_of_it()
    {
        const int Clients = 8;
        const int ReadsEach = 200;
        Device.Before = async _ => await Task.Yield();
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var deaf = Enumerable.Range(0, Clients).Select(_ => Simple()).ToList();
        foreach (var client in deaf)
        {
            client.Send([.. Enumerable.Range(0, ReadsEach).SelectMany(_ => RawClient.RequestBytes(NbdCommand.Read, 0, ReadBytes))]);
        }

        using var good = Simple();
        await Patience.UntilAsync(() => Device.CallsSoFar.Length >= Clients * InFlightBytes / ReadBytes);
        ExpectServed(good);

        // All they asked for is 800 MiB. One request more than the limit may start, and buffers are larger than what is in them.
        Assert.InRange(GC.GetTotalMemory(forceFullCollection: true) - before, 0, Clients * 2L * (InFlightBytes + ReadBytes));
        Assert.InRange(Device.CallsSoFar.Length, 0, Clients * ReadsEach / 2);
        deaf.ForEach(c => c.Dispose());
        await Patience.UntilAsync(() => Server.Server.Connections == 1);
    }

    [Fact]
    public void Options_with_much_data_leave_nothing_behind()
    {
        using var client = Greeted();
        var flood = RawClient.OptionBytes((NbdOption)99, new byte[NbdLimits.OptionBytes]);
        client.Send(flood);
        client.ReceiveOptionReply((NbdOption)99);
        var before = GC.GetTotalAllocatedBytes(precise: true);
        for (var i = 0; i < 500; i++)
        {
            client.Send(flood);
            client.Receive(OptionReplyHeader.SizeBytes + "Unknown option.".Length);
        }

        // 32 MiB came in.
        Assert.InRange(GC.GetTotalAllocatedBytes(precise: true) - before, 0, 2 << 20);
    }

    [Fact]
    public void Requests_of_a_busy_client_allocate_next_to_nothing()
    {
        using var client = Simple();
        ExpectServed(client);
        var before = GC.GetTotalAllocatedBytes(precise: true);
        var request = RawClient.RequestBytes(NbdCommand.Cache, 0, 512);
        for (var i = 0; i < 5000; i++)
        {
            client.Send(request);
            client.Receive(SimpleReplyHeader.SizeBytes);
        }

        // The raw client's own arrays are 40 bytes each; what the server adds must not be seen.
        Assert.InRange(GC.GetTotalAllocatedBytes(precise: true) - before, 0, 5000 * 100);
    }

    [Fact]
    public void Idle_connections_cost_little()
    {
        const int Count = 200;
        Simple().Dispose();
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var idle = Enumerable.Range(0, Count).Select(_ => Simple()).ToList();
        idle.ForEach(c => ExpectServed(c));
        Assert.InRange((GC.GetTotalMemory(forceFullCollection: true) - before) / Count, 0, 32 * 1024);
        idle.ForEach(c => c.Dispose());
    }

    private protected override NbdServerOptions ConfigureServer(NbdServerOptions options) => options with { MaxInFlightBytes = InFlightBytes };
}

[CollectionDefinition(MemoryTests.Name, DisableParallelization = true)]
public sealed class MemoryTestsRunAlone;
