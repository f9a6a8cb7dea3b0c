using System.Buffers.Binary;
using ActorBackup.Core.Blocks;
using ActorBackup.Nbd.Protocol;
using ActorBackup.Nbd.Server;
using ActorBackup.Nbd.Tests.Support;

namespace ActorBackup.Nbd.Tests.Server;

public sealed class BlockStatusTests : ServerTest
{
    [Fact]
    public async Task Runs_of_data_and_holes_are_byte_exact()
    {
        await Device.WriteAsync(8192, new byte[4097], false, default);
        using var client = Structured();
        client.Request(NbdCommand.BlockStatus, 4096, 65536, cookie: 5);
        Assert.Equal(
            Hex.Bytes("668e33ef 0001 0005 0000000000000005 0000001c 00000001 00001000 00000003 00002000 00000000 0000d000 00000003"),
            client.Receive(20 + 28));
    }

    [Fact]
    public async Task REQ_ONE_gets_one_run_that_ends_with_the_request()
    {
        await Device.WriteAsync(8192, new byte[4096], false, default);
        using var client = Structured();
        Assert.Equal([(4096, 3)], StatusOf(client, 4096, 65536, CommandFlags.RequestOne));
        Assert.Equal([(100, 0)], StatusOf(client, 8292, 100, CommandFlags.RequestOne));
        Assert.Equal([(100, 0)], StatusOf(client, 8292, 100));
        Assert.Contains("query 4096 65536 1", Device.CallsSoFar);
    }

    [Fact]
    public void Neighbours_of_one_status_are_one_run()
    {
        Server.Add("split", Device, "", new SplitContext());
        using var client = RawClient.Entered(Server.SocketPath, "split", structured: true, SplitContext.ContextName);
        Assert.Equal([(100, 7), (100, 8), (300, 7)], StatusOf(client, 0, 500));
    }

    [Fact]
    public void A_long_list_is_cut_and_asking_again_goes_on()
    {
        Server.Add("striped", new HoleDevice(1 << 20));
        using var client = Structured("striped");
        var runs = StatusOf(client, 0, 1 << 20);
        Assert.Equal(2048, runs.Count);
        Assert.All(runs, r => Assert.Equal(1u, r.Length));
        Assert.Equal(2048, StatusOf(client, 2048, (1 << 20) - 2048).Count);
    }

    [Fact]
    public void The_whole_range_of_a_huge_hole_fits_in_one_run()
    {
        Server.Add("huge", new HoleDevice(1L << 40), "", new StripedContext("test:one", int.MaxValue));
        using var client = RawClient.Entered(Server.SocketPath, "huge", structured: true, "test:one");
        Assert.Equal([(uint.MaxValue >> 1, 0), (uint.MaxValue >> 1, 1), (1u, 0)], StatusOf(client, 0, uint.MaxValue));
    }

    [Fact]
    public void Every_selected_context_gets_a_chunk_and_the_last_one_ends_the_reply()
    {
        Server.Add("tracked", Device, "", new StripedContext("a:1", 4096), new StripedContext("a:2", 8192));
        using var client = RawClient.Entered(Server.SocketPath, "tracked", structured: true, "a:1", "a:2", AllocationContext.ContextName);
        client.Request(NbdCommand.BlockStatus, 0, 16384, cookie: 6);
        var chunks = Enumerable.Range(0, 3).Select(_ => client.ReceiveChunk()).ToList();
        Assert.Equal([ChunkFlags.None, ChunkFlags.None, ChunkFlags.Done], chunks.Select(c => c.Header.Flags));
        Assert.Equal([1u, 2u, 3u], chunks.Select(c => BinaryPrimitives.ReadUInt32BigEndian(c.Payload)));
        Assert.Equal([1, 4, 2], chunks.Select(c => RunsOf(c.Payload).Count));
    }

    [Fact]
    public void A_context_that_fails_fails_the_request()
    {
        var context = new StripedContext("a:1", 4096) { Failure = new BlockDeviceException(BlockDeviceError.InputOutput, "The bitmap is inconsistent.") };
        Server.Add("tracked", Device, "", context);
        using var client = RawClient.Entered(Server.SocketPath, "tracked", structured: true, AllocationContext.ContextName, "a:1");
        Assert.Equal((NbdErrno.InputOutput, "The bitmap is inconsistent."), client.FailureOf(NbdCommand.BlockStatus, 0, 4096));
        context.Failure = null;
        client.Request(NbdCommand.BlockStatus, 0, 4096);
        Assert.Equal(ChunkType.BlockStatus, client.ReceiveChunk().Header.Type);
        Assert.Equal(ChunkFlags.Done, client.ReceiveChunk().Header.Flags);
    }

    [Theory]
    [InlineData(0, 0u, CommandFlags.None)]
    [InlineData(0, SizeBytes + 1u, CommandFlags.None)]
    [InlineData(SizeBytes, 1u, CommandFlags.None)]
    [InlineData(0, 4096u, CommandFlags.DontFragment)]
    [InlineData(0, 4096u, CommandFlags.NoHole | CommandFlags.RequestOne)]
    public void Bad_ranges_and_flags_are_invalid(int offset, uint length, CommandFlags flags)
    {
        using var client = Structured();
        Assert.Equal(NbdErrno.InvalidArgument, client.FailureOf(NbdCommand.BlockStatus, (ulong)offset, length, flags).Error);
        ExpectServed(client, isStructured: true);
    }

    [Fact]
    public async Task An_answer_that_takes_its_time_holds_up_nothing()
    {
        var gate = new Gate();
        Device.Before = call => call.StartsWith("query", StringComparison.Ordinal) ? gate.HoldAsync(call) : ValueTask.CompletedTask;
        using var client = Structured();
        client.Request(NbdCommand.BlockStatus, 0, 4096, cookie: 1);
        await gate.ArrivedAsync("query 0 4096 2048");
        ExpectServed(client, isStructured: true);
        gate.Release("query 0 4096 2048");
        var (chunk, payload) = client.ReceiveChunk();
        Assert.Equal((1ul, ChunkFlags.Done), (chunk.Cookie, chunk.Flags));
        Assert.Equal([(4096u, 3u)], RunsOf(payload));
    }

    private static List<(uint Length, uint Flags)> StatusOf(RawClient client, ulong offset, uint length, CommandFlags flags = CommandFlags.None)
    {
        client.Request(NbdCommand.BlockStatus, offset, length, flags: flags);
        var (chunk, payload) = client.ReceiveChunk();
        Assert.Equal((ChunkFlags.Done, ChunkType.BlockStatus), (chunk.Flags, chunk.Type));
        return RunsOf(payload);
    }

    private static List<(uint Length, uint Flags)> RunsOf(byte[] payload) =>
        [.. Enumerable.Range(0, (payload.Length - 4) / 8).Select(i => StatusChunk.ReadDescriptor(payload.AsSpan(4 + (i * 8))))];

    private sealed class SplitContext : IMetaContext
    {
        public const string ContextName = "test:split";

        public string Name => ContextName;

        public ValueTask<int> QueryAsync(long offset, long length, Memory<StatusRun> runs, CancellationToken cancellation)
        {
            StatusRun[] split = [new(60, 7), new(40, 7), new(100, 8), new(100, 7), new(100, 7), new(1000, 7)];
            split.CopyTo(runs);
            return ValueTask.FromResult(split.Length);
        }
    }
}
