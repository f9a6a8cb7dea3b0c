using ActorBackup.Core.Blocks;
using ActorBackup.Nbd.Client;
using ActorBackup.Nbd.Protocol;
using ActorBackup.Nbd.Tests.Support;

namespace ActorBackup.Nbd.Tests.Client;

/// <summary>Which requests the client makes of what its callers want and the server can.</summary>
public sealed class RequestTests
{
    private const TransmissionFlags BareFlags = TransmissionFlags.HasFlags;

    [Theory]
    [InlineData(NbdCommand.Write, CommandFlags.None)]
    [InlineData(NbdCommand.Write, CommandFlags.ForceUnitAccess)]
    [InlineData(NbdCommand.WriteZeroes, CommandFlags.None)]
    [InlineData(NbdCommand.WriteZeroes, CommandFlags.ForceUnitAccess)]
    [InlineData(NbdCommand.WriteZeroes, CommandFlags.NoHole)]
    [InlineData(NbdCommand.WriteZeroes, CommandFlags.FastZero)]
    [InlineData(NbdCommand.WriteZeroes, CommandFlags.ForceUnitAccess | CommandFlags.NoHole | CommandFlags.FastZero)]
    public async Task Flags_go_over_the_wire(NbdCommand command, CommandFlags flags)
    {
        var sent = await RequestsOfAsync(
            client =>
            {
                var options = (flags.HasFlag(CommandFlags.ForceUnitAccess) ? ZeroOptions.ForceUnitAccess : 0)
                    | (flags.HasFlag(CommandFlags.NoHole) ? ZeroOptions.NoHole : 0)
                    | (flags.HasFlag(CommandFlags.FastZero) ? ZeroOptions.Fast : 0);
                return command == NbdCommand.Write
                    ? client.WriteAsync(512, new byte[5], flags != 0, default)
                    : client.WriteZeroesAsync(512, 5, options, default);
            });
        Assert.Equal([(command, flags, 512ul, 5u)], sent);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task TRIM_promises_no_zeroes_so_trimming_is_zeroing_that_may_make_holes(bool forceUnitAccess)
    {
        var sent = await RequestsOfAsync(client => client.TrimAsync(512, 4096, forceUnitAccess, default));
        Assert.Equal([(NbdCommand.WriteZeroes, forceUnitAccess ? CommandFlags.ForceUnitAccess : CommandFlags.None, 512ul, 4096u)], sent);
    }

    [Fact]
    public async Task Long_ranges_are_split_where_32_bits_end()
    {
        var sent = await RequestsOfAsync(client => client.WriteZeroesAsync(4096, 5L << 30, ZeroOptions.None, default), sizeBytes: 1L << 40);
        Assert.Equal([(4096ul, 1u << 31), (4096ul + (1ul << 31), 1u << 31), (4096ul + (1ul << 32), 1u << 30)], sent.Select(r => (r.Offset, r.Length)));
    }

    [Fact]
    public async Task Without_WRITE_ZEROES_zeroes_are_written()
    {
        var sent = await RequestsOfAsync(client => client.WriteZeroesAsync(100, (2 << 20) + 7, ZeroOptions.NoHole, default), flags: BareFlags);
        Assert.Equal(
            [(NbdCommand.Write, CommandFlags.None, 100ul, 1u << 20), (NbdCommand.Write, CommandFlags.None, 100ul + (1 << 20), 1u << 20), (NbdCommand.Write, CommandFlags.None, 100ul + (2 << 20), 7u)],
            sent);
    }

    [Fact]
    public async Task Fast_zeroes_that_the_server_does_not_have_are_not_supported_and_nothing_is_sent()
    {
        var sent = await RequestsOfAsync(
            async client =>
            {
                var e = await Assert.ThrowsAsync<BlockDeviceException>(() => client.WriteZeroesAsync(0, 1, ZeroOptions.Fast, default).AsTask());
                Assert.Equal(BlockDeviceError.NotSupported, e.Error);
            },
            flags: BareFlags | TransmissionFlags.SendWriteZeroes);
        Assert.Empty(sent);
    }

    [Fact]
    public async Task Without_FUA_a_stable_write_is_a_write_and_a_flush()
    {
        var sent = await RequestsOfAsync(
            async client =>
            {
                await client.WriteAsync(0, new byte[5], true, default);
                await client.WriteZeroesAsync(8, 5, ZeroOptions.ForceUnitAccess, default);
            },
            flags: BareFlags | TransmissionFlags.SendFlush | TransmissionFlags.SendWriteZeroes);
        Assert.Equal([NbdCommand.Write, NbdCommand.Flush, NbdCommand.WriteZeroes, NbdCommand.Flush], sent.Select(r => r.Command));
        Assert.All(sent, r => Assert.Equal(CommandFlags.None, r.Flags));
    }

    [Fact]
    public async Task Without_FUA_and_FLUSH_a_stable_write_fails_rather_than_lies()
    {
        await RequestsOfAsync(
            async client =>
            {
                foreach (var call in (Func<Task>[])[() => client.WriteAsync(0, new byte[5], true, default).AsTask(), () => client.FlushAsync(default).AsTask()])
                {
                    Assert.Equal(BlockDeviceError.NotSupported, (await Assert.ThrowsAsync<BlockDeviceException>(call)).Error);
                }
            },
            flags: BareFlags);
    }

    [Fact]
    public async Task Reads_and_writes_are_split_at_what_the_server_takes()
    {
        var sent = await RequestsOfAsync(
            async client =>
            {
                await client.WriteAsync(512, new byte[10_000], true, default);
                await client.ReadAsync(512, new byte[8192], default);
            },
            blockSizes: "00000200 00001000 00001100");
        Assert.Equal(
            [(NbdCommand.Write, 512ul, 4096u), (NbdCommand.Write, 4608ul, 4096u), (NbdCommand.Write, 8704ul, 1808u), (NbdCommand.Read, 512ul, 4096u), (NbdCommand.Read, 4608ul, 4096u)],
            sent.Select(r => (r.Command, r.Offset, r.Length)));
        Assert.All(sent[..3], r => Assert.Equal(CommandFlags.ForceUnitAccess, r.Flags));
    }

    [Fact]
    public async Task Nothing_to_do_is_done_without_the_server()
    {
        var sent = await RequestsOfAsync(async client =>
        {
            await client.ReadAsync(0, Memory<byte>.Empty, default);
            await client.WriteAsync(0, ReadOnlyMemory<byte>.Empty, false, default);
            await client.TrimAsync(0, 0, false, default);
            await client.WriteZeroesAsync(0, 0, ZeroOptions.None, default);
            Assert.Equal(0, await client.QueryAllocationAsync(0, 0, new AllocationRun[1], default));
        });
        Assert.Empty(sent);
    }

    [Fact]
    public async Task Without_a_context_everything_is_data_and_nothing_is_asked()
    {
        var runs = new AllocationRun[4];
        var sent = await RequestsOfAsync(
            async client => Assert.Equal(1, await client.QueryAllocationAsync(4096, 1L << 40, runs, default)),
            isStructured: false);
        Assert.Equal(new AllocationRun(1L << 40, false, false), runs[0]);
        Assert.Empty(sent);
    }

    [Theory]
    [InlineData(4, 8192L, "00000001 00001000 00000000 00001000 00000003", "4096/False/False 4096/True/True")]
    [InlineData(4, 8192L, "00000001 00001000 00000001 00100000 00000002", "4096/True/False 4096/False/True")]
    [InlineData(4, 8192L, "00000001 00001000 00000000", "4096/False/False")]
    [InlineData(4, 8192L, "00000001 00000000 00000003 00002000 00000000", "8192/False/False")]
    [InlineData(1, 8192L, "00000001 00001000 00000000", "4096/False/False")]
    [InlineData(1, 8192L, "00000001 00001000 00000000 00001000 00000003", "4096/False/False")]
    [InlineData(4, 1L << 40, "00000001 ffffffff 00000003", "2147483648/True/True")]
    public async Task Runs_are_cut_to_the_room_and_the_range(int room, long length, string status, string expected)
    {
        using var server = ScriptedServer.Entered(
            s =>
            {
                var request = s.ExpectRequest(NbdCommand.BlockStatus);
                Assert.Equal((room == 1 ? CommandFlags.RequestOne : CommandFlags.None, 4096ul, (uint)Math.Min(length, 1L << 31)), (request.Flags, request.Offset, request.Length));
                s.SendChunk(request, ChunkType.BlockStatus, "00000002 00001000 00000003", isDone: false);
                s.SendChunk(request, ChunkType.BlockStatus, status);
                s.ExpectGoodbye();
            },
            sizeBytes: 1L << 41);
        await using (var client = await server.ConnectAsync())
        {
            var runs = new AllocationRun[room];
            var count = await client.QueryAllocationAsync(4096, length, runs, default).InTime();
            Assert.Equal(expected, string.Join(' ', runs[..count].Select(r => $"{r.Length}/{r.IsHole}/{r.ReadsAsZero}")));
        }

        await server.Script.InTime();
    }

    [Theory]
    [InlineData("00000002 00001000 00000003")]
    [InlineData("00000001 00000000 00000003")]
    public async Task A_status_that_says_nothing_about_allocation_fails_the_query_only(string status)
    {
        using var server = ScriptedServer.Entered(s =>
        {
            s.SendChunk(s.ExpectRequest(NbdCommand.BlockStatus), ChunkType.BlockStatus, status);
            s.SendSimple(s.ExpectRequest(NbdCommand.Flush));
            s.ExpectGoodbye();
        });
        await using (var client = await server.ConnectAsync())
        {
            await Assert.ThrowsAsync<BlockDeviceException>(() => client.QueryAllocationAsync(0, 4096, new AllocationRun[4], default).InTime());
            await client.FlushAsync(default).InTime();
        }

        await server.Script.InTime();
    }

    [Theory]
    [InlineData("")]
    [InlineData("000000")]
    [InlineData("00000001")]
    [InlineData("00000001 00001000")]
    [InlineData("00000001 00001000 00000003 00")]
    public async Task A_status_of_an_impossible_length_loses_the_connection(string status)
    {
        using var server = ScriptedServer.Entered(s =>
        {
            s.SendChunk(s.ExpectRequest(NbdCommand.BlockStatus), ChunkType.BlockStatus, status);
            s.ExpectCut();
        });
        await using var client = await server.ConnectAsync();
        var e = await Assert.ThrowsAsync<BlockDeviceException>(() => client.QueryAllocationAsync(0, 4096, new AllocationRun[4], default).InTime());
        Assert.Contains("is lost", e.Message, StringComparison.Ordinal);
        await server.Script.InTime();
    }

    [Fact]
    public async Task No_more_than_the_limit_is_in_flight_and_waiting_for_a_turn_can_be_cancelled()
    {
        var allSent = new TaskCompletionSource();
        var mayAnswer = new TaskCompletionSource();
        using var server = ScriptedServer.Entered(s =>
        {
            var first = Enumerable.Range(0, NbdClient.MaxInFlight).Select(_ => s.ExpectRequest(NbdCommand.Flush)).ToList();
            allSent.SetResult();
            Assert.True(mayAnswer.Task.Wait(Patience.Limit));

            // What was cancelled while it waited never comes; what waited behind it does.
            first.ForEach(r => s.SendSimple(r));
            var next = s.ExpectRequest(NbdCommand.WriteZeroes);
            Assert.Equal(7ul, next.Offset);
            s.SendSimple(next);
            s.ExpectGoodbye();
        });
        await using (var client = await server.ConnectAsync())
        {
            var inFlight = Enumerable.Range(0, NbdClient.MaxInFlight).Select(_ => client.FlushAsync(default).AsTask()).ToArray();
            await allSent.Task.InTime();
            using var patience = new CancellationTokenSource();
            var cancelled = client.ReadAsync(0, new byte[1], patience.Token).AsTask();
            var patient = client.WriteZeroesAsync(7, 1, ZeroOptions.None, default).AsTask();
            Assert.False(cancelled.IsCompleted || patient.IsCompleted);
            await patience.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cancelled.InTime());
            Assert.DoesNotContain(inFlight, t => t.IsCompleted);
            mayAnswer.SetResult();
            await Task.WhenAll(inFlight).InTime();
            await patient.InTime();
        }

        await server.Script.InTime();
    }

    [Fact]
    public async Task Cancelling_does_not_touch_a_request_that_was_sent()
    {
        using var patience = new CancellationTokenSource();
        var sent = new TaskCompletionSource();
        var mayAnswer = new TaskCompletionSource();
        using var server = ScriptedServer.Entered(s =>
        {
            var request = s.ExpectRequest(NbdCommand.Read);
            sent.SetResult();
            Assert.True(mayAnswer.Task.Wait(Patience.Limit));
            s.SendChunk(request, ChunkType.OffsetData, "0000000000000000 07");
            s.ExpectGoodbye();
        });
        await using (var client = await server.ConnectAsync())
        {
            var target = new byte[1];
            var read = client.ReadAsync(0, target, patience.Token).AsTask();
            await sent.Task.InTime();
            await patience.CancelAsync();
            Assert.False(read.IsCompleted);
            mayAnswer.SetResult();
            await read.InTime();
            Assert.Equal(7, target[0]);
        }

        await server.Script.InTime();
    }

    /// <summary>What the client sends while a caller does something; every request is answered with success.</summary>
    private static async Task<List<(NbdCommand Command, CommandFlags Flags, ulong Offset, uint Length)>> RequestsOfAsync(
        Func<NbdClient, ValueTask> act,
        TransmissionFlags flags = ScriptedServer.AllFlags,
        string? blockSizes = null,
        long sizeBytes = 1 << 24,
        bool isStructured = true)
    {
        List<(NbdCommand, CommandFlags, ulong, uint)> sent = [];
        using var server = ScriptedServer.Entered(
            s =>
            {
                for (var r = s.ReceiveRequest(); r.Command != NbdCommand.Disconnect; r = s.ReceiveRequest())
                {
                    sent.Add((r.Command, r.Flags, r.Offset, r.Length));
                    if (r.Command == NbdCommand.Write)
                    {
                        s.Receive((int)r.Length);
                    }

                    if (r.Command == NbdCommand.Read && isStructured)
                    {
                        s.SendChunk(r, ChunkType.OffsetHole, $"{r.Offset:x16} {r.Length:x8}");
                    }
                    else
                    {
                        s.SendSimple(r);
                    }
                }
            },
            isStructured,
            flags,
            blockSizes,
            sizeBytes);
        await using (var client = await server.ConnectAsync())
        {
            await act(client).InTime();
        }

        await server.Script.InTime();
        return sent;
    }
}
