using ActorBackup.Core.Blocks;
using ActorBackup.Nbd.Client;
using ActorBackup.Nbd.Protocol;
using ActorBackup.Nbd.Tests.Support;

namespace ActorBackup.Nbd.Tests.Client;

/// <summary>What the client makes of replies, honest and not.</summary>
public sealed class ReplyTests
{
    private readonly byte[] _target = [.. Enumerable.Repeat((byte)0xee, 16)];

    [Fact]
    public async Task A_simple_reply_to_a_read_brings_its_data()
    {
        using var server = ScriptedServer.Entered(
            s =>
            {
                Assert.Equal(Hex.Bytes("25609513 0000 0000"), s.Receive(8));
                var rest = s.Receive(20);
                Assert.Equal(Hex.Bytes("0000000000000400 00000010"), rest[8..]);
                s.Send([.. Hex.Bytes("67446698 00000000"), .. rest[..8], .. Enumerable.Range(0, 16).Select(i => (byte)i)]);
                s.ExpectGoodbye();
            },
            isStructured: false);
        await using (var client = await server.ConnectAsync())
        {
            await client.ReadAsync(1024, _target, default).InTime();
            Assert.Equal(Enumerable.Range(0, 16).Select(i => (byte)i), _target);
        }

        await server.Script.InTime();
    }

    [Fact]
    public async Task Chunks_of_data_and_holes_come_in_any_order()
    {
        using var server = ScriptedServer.Entered(s =>
        {
            var request = s.ExpectRequest(NbdCommand.Read);
            s.SendChunk(request, ChunkType.OffsetData, "0000000000000408 0102030405", isDone: false);
            s.SendChunk(request, ChunkType.OffsetHole, "0000000000000400 00000008", isDone: false);
            s.SendChunk(request, ChunkType.None, "", isDone: false);
            s.SendChunk(request, ChunkType.OffsetData, "000000000000040d 0a0b0c", isDone: false);
            s.SendChunk(request, ChunkType.None, "");
            s.ExpectGoodbye();
        });
        await using (var client = await server.ConnectAsync())
        {
            await client.ReadAsync(1024, _target, default).InTime();
            Assert.Equal(Hex.Bytes("0000000000000000 0102030405 0a0b0c"), _target);
        }

        await server.Script.InTime();
    }

    [Fact]
    public async Task Replies_find_their_requests_in_any_order()
    {
        using var server = ScriptedServer.Entered(s =>
        {
            var requests = Enumerable.Range(0, 3).Select(_ => s.ExpectRequest(NbdCommand.Read)).ToList();
            requests.Reverse();
            foreach (var request in requests)
            {
                s.SendChunk(request, ChunkType.OffsetData, $"{request.Offset:x16} {request.Offset:x8}");
            }

            s.ExpectGoodbye();
        });
        await using (var client = await server.ConnectAsync())
        {
            var targets = Enumerable.Range(0, 3).Select(_ => new byte[4]).ToArray();
            await Task.WhenAll(targets.Select((t, i) => client.ReadAsync(i, t, default).AsTask())).InTime();
            Assert.Equal([0, 1, 2], targets.Select(t => (int)t[3]));
        }

        await server.Script.InTime();
    }

    [Theory]
    [InlineData(1, "0000000000000400 010203")]
    [InlineData(2, "0000000000000400 0000000f")]
    [InlineData(0, "")]
    public async Task A_reply_that_leaves_bytes_out_fails_that_read_only(int type, string payload)
    {
        using var server = ScriptedServer.Entered(s =>
        {
            s.SendChunk(s.ExpectRequest(NbdCommand.Read), (ChunkType)type, payload);
            s.SendSimple(s.ExpectRequest(NbdCommand.Flush));
            s.ExpectGoodbye();
        });
        await using (var client = await server.ConnectAsync())
        {
            var e = await FailureAsync(client.ReadAsync(1024, _target, default));
            Assert.Equal(BlockDeviceError.InputOutput, e.Error);
            await client.FlushAsync(default).InTime();
        }

        await server.Script.InTime();
    }

    [Theory]
    [InlineData(1, "0000000000000400", "is empty")]
    [InlineData(1, "00000000000004", "has no offset")]
    [InlineData(1, "00000000000003ff 01", "begins before")]
    [InlineData(1, "0000000000000410 01", "begins behind")]
    [InlineData(1, "0000000000000400 0102030405060708090a0b0c0d0e0f1011", "is longer")]
    [InlineData(1, "000000000000040f 0102", "ends behind")]
    [InlineData(1, "ffffffffffffffff 0102", "wraps around")]
    [InlineData(2, "0000000000000400 00000011", "is a hole that is longer")]
    [InlineData(2, "0000000000000400 ffffffff", "is a hole without end")]
    [InlineData(2, "0000000000000400 000000", "is half a hole")]
    [InlineData(2, "0000000000000400 0000000000", "is more than a hole")]
    [InlineData(0, "00", "is nothing with content")]
    [InlineData(3, "0000000000000400 01", "is unknown")]
    [InlineData(0x7fff, "", "is unknown and empty")]
    [InlineData(5, "00000001 00000010 00000000", "answers what was not asked")]
    [InlineData(0x8001, "00000005", "is half an error")]
    [InlineData(0x8001, "00000005 0005 41", "lies about its message")]
    [InlineData(0x8001, "00000000 0000", "is an error that is none")]
    public async Task A_chunk_that_makes_no_sense_loses_the_connection_and_touches_nothing(int type, string payload, string why)
    {
        using var server = ScriptedServer.Entered(s =>
        {
            s.SendChunk(s.ExpectRequest(NbdCommand.Read), (ChunkType)type, payload);
            s.ExpectCut();
        });
        await using var client = await server.ConnectAsync();
        var e = await FailureAsync(client.ReadAsync(1024, _target, default));
        Assert.True(e.Error == BlockDeviceError.InputOutput, why);
        Assert.Contains("is lost", e.Message, StringComparison.Ordinal);
        Assert.All(_target, b => Assert.Equal(0xee, b));
        await server.Script.InTime();
        await Assert.ThrowsAsync<BlockDeviceException>(() => client.FlushAsync(default).AsTask()).InTime();
    }

    [Theory]
    [InlineData("ffffffff")]
    [InlineData("00010001")]
    public async Task An_error_message_without_end_loses_the_connection(string length)
    {
        using var server = ScriptedServer.Entered(s =>
        {
            var request = s.ExpectRequest(NbdCommand.Read);
            s.Send($"668e33ef 0001 8001 {request.Cookie:x16} {length}");
            s.ExpectCut();
        });
        await using var client = await server.ConnectAsync();
        Assert.Contains("too long", (await FailureAsync(client.ReadAsync(1024, _target, default))).Message, StringComparison.Ordinal);
        await server.Script.InTime();
    }

    [Theory]
    [InlineData("668e33ee 0001 0000 {0} 00000000", "has the wrong magic")]
    [InlineData("668e33ef 0001 0000 ffffffffffffffff 00000000", "has a wrong cookie")]
    [InlineData("668e33ef 0001 0000 0000000000000000 00000000", "has no cookie")]
    [InlineData("668e33ef 0001 0002 {1} 0000000c 0000000000000400 00000010", "answers what had the request's place before it")]
    [InlineData("67446698 00000000 00000000000fffff", "has a wrong simple cookie")]
    [InlineData("25609513 0000 0000 {0} 0000000000000000 00000000", "is a request")]
    public async Task A_reply_that_fits_no_request_loses_the_connection(string reply, string why)
    {
        using var server = ScriptedServer.Entered(s =>
        {
            var request = s.ExpectRequest(NbdCommand.Read);
            s.Send(string.Format(null, reply, $"{request.Cookie:x16}", $"{request.Cookie - (1 << 16):x16}"));
            s.ExpectCut();
        });
        await using var client = await server.ConnectAsync();
        var e = await FailureAsync(client.ReadAsync(1024, _target, default));
        Assert.True(e.Message.Contains("is lost", StringComparison.Ordinal), why);
        await server.Script.InTime();
    }

    [Fact]
    public async Task A_reply_that_comes_twice_loses_the_connection_but_not_the_result()
    {
        using var server = ScriptedServer.Entered(s =>
        {
            var request = s.ExpectRequest(NbdCommand.Flush);
            s.SendSimple(request);
            s.SendSimple(request);
            s.ExpectCut();
        });
        await using var client = await server.ConnectAsync();
        await client.FlushAsync(default).InTime();
        await server.Script.InTime();
        await FailureAsync(client.FlushAsync(default));
    }

    [Fact]
    public async Task Structured_replies_that_were_not_negotiated_lose_the_connection()
    {
        using var server = ScriptedServer.Entered(
            s =>
            {
                s.SendChunk(s.ExpectRequest(NbdCommand.Read), ChunkType.OffsetHole, "0000000000000400 00000010");
                s.ExpectCut();
            },
            isStructured: false);
        await using var client = await server.ConnectAsync();
        await FailureAsync(client.ReadAsync(1024, _target, default));
        await server.Script.InTime();
    }

    [Theory]
    [InlineData("0000")]
    [InlineData("{0}")]
    [InlineData("{0} 00000010")]
    [InlineData("{0} 00000010 0000000000000400 0102")]
    public async Task An_end_within_a_reply_loses_the_connection(string rest)
    {
        using var server = ScriptedServer.Entered(s =>
        {
            var request = s.ExpectRequest(NbdCommand.Read);
            s.Send(string.Format(null, $"668e33ef 0001 0001 {rest}", $"{request.Cookie:x16}"));
        });
        await using var client = await server.ConnectAsync();
        Assert.Contains("within a reply", (await FailureAsync(client.ReadAsync(1024, _target, default))).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1, BlockDeviceError.NotPermitted)]
    [InlineData(5, BlockDeviceError.InputOutput)]
    [InlineData(12, BlockDeviceError.InputOutput)]
    [InlineData(22, BlockDeviceError.InvalidArgument)]
    [InlineData(28, BlockDeviceError.NoSpace)]
    [InlineData(75, BlockDeviceError.InvalidArgument)]
    [InlineData(95, BlockDeviceError.NotSupported)]
    [InlineData(108, BlockDeviceError.ShuttingDown)]
    [InlineData(4711, BlockDeviceError.InputOutput)]
    public async Task Errors_fail_their_request_only_and_keep_their_words(int errno, BlockDeviceError expected)
    {
        using var server = ScriptedServer.Entered(s =>
        {
            s.SendSimple(s.ExpectRequest(NbdCommand.Write) with { Length = 0 }, (NbdErrno)errno);
            s.Receive(1);
            s.SendChunk(s.ExpectRequest(NbdCommand.Flush), ChunkType.Error, $"{errno:x8} 0003 626164");
            s.SendSimple(s.ExpectRequest(NbdCommand.Read), (NbdErrno)errno);

            // An error may come first, in the middle, with an offset, in an unknown form, and more than once.
            var request = s.ExpectRequest(NbdCommand.Read);
            s.SendChunk(request, ChunkType.OffsetData, "0000000000000400 01020304", isDone: false);
            s.SendChunk(request, ChunkType.ErrorOffset, $"{errno:x8} 0003 626164 0000000000000404", isDone: false);
            s.SendChunk(request, (ChunkType)0x8077, "00000001 0000 ffff", isDone: false);
            s.SendChunk(request, ChunkType.None, "");
            s.SendSimple(s.ExpectRequest(NbdCommand.Flush));
            s.ExpectGoodbye();
        });
        await using (var client = await server.ConnectAsync())
        {
            var e = await FailureAsync(client.WriteAsync(0, new byte[1], false, default));
            Assert.Equal(expected, e.Error);
            Assert.Contains("Write", e.Message, StringComparison.Ordinal);
            e = await FailureAsync(client.FlushAsync(default));
            Assert.Equal((expected, "bad"), (e.Error, e.Message));
            Assert.Equal(expected, (await FailureAsync(client.ReadAsync(1024, _target, default))).Error);
            e = await FailureAsync(client.ReadAsync(1024, _target, default));
            Assert.Equal((expected, "bad"), (e.Error, e.Message));
            await client.FlushAsync(default).InTime();
        }

        await server.Script.InTime();
    }

    [Fact]
    public async Task A_lost_connection_fails_everyone_who_waits_and_whoever_comes_later()
    {
        using var server = ScriptedServer.Entered(s =>
        {
            for (var i = 0; i < NbdClient.MaxInFlight; i++)
            {
                s.ReceiveRequest();
            }
        });
        await using var client = await server.ConnectAsync();
        var reads = Enumerable.Range(0, 2 * NbdClient.MaxInFlight).Select(i => client.ReadAsync(i, new byte[1], default).AsTask()).ToArray();
        var query = client.QueryAllocationAsync(0, 4096, new AllocationRun[1], default).AsTask();
        await server.Script.InTime();
        foreach (var task in reads.Append(query))
        {
            var e = await Assert.ThrowsAsync<BlockDeviceException>(() => task.InTime());
            Assert.Equal(BlockDeviceError.InputOutput, e.Error);
            Assert.Contains(server.Uri.ToString(), e.Message, StringComparison.Ordinal);
        }

        await FailureAsync(client.FlushAsync(default));
    }

    private static async Task<BlockDeviceException> FailureAsync(ValueTask call) =>
        await Assert.ThrowsAsync<BlockDeviceException>(() => call.InTime());
}
