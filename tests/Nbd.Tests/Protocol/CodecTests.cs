using ActorBackup.Core.Blocks;
using ActorBackup.Nbd.Protocol;
using ActorBackup.Nbd.Tests.Support;
using CsCheck;

namespace ActorBackup.Nbd.Tests.Protocol;

public sealed class CodecTests
{
    [Fact]
    public void Requests_are_read_as_they_were_written() =>
        Gen.Select(Gen.UShort, Gen.UShort, Gen.ULong, Gen.ULong, Gen.UInt).Sample((flags, command, cookie, offset, length) =>
        {
            var bytes = new byte[RequestHeader.SizeBytes];
            var written = new RequestHeader((CommandFlags)flags, (NbdCommand)command, cookie, offset, length);
            written.Write(bytes);
            Assert.True(RequestHeader.TryRead(bytes, out var read));
            Assert.Equal(written, read);
        });

    [Fact]
    public void Replies_are_read_as_they_were_written() =>
        Gen.Select(Gen.UShort, Gen.UShort, Gen.ULong, Gen.UInt, Gen.Int).Sample((flags, type, cookie, length, error) =>
        {
            var bytes = new byte[ChunkHeader.SizeBytes];
            var chunk = new ChunkHeader((ChunkFlags)flags, (ChunkType)type, cookie, length);
            chunk.Write(bytes);
            Assert.True(ChunkHeader.TryRead(bytes, out var readChunk));
            Assert.Equal(chunk, readChunk);
            Assert.False(SimpleReplyHeader.TryRead(bytes, out _));

            var simple = new SimpleReplyHeader((NbdErrno)error, cookie);
            simple.Write(bytes);
            Assert.True(SimpleReplyHeader.TryRead(bytes, out var readSimple));
            Assert.Equal(simple, readSimple);
            Assert.False(ChunkHeader.TryRead(bytes, out _));
        });

    [Fact]
    public void Options_and_their_replies_are_read_as_they_were_written() =>
        Gen.Select(Gen.Int, Gen.UInt, Gen.UInt).Sample((option, type, length) =>
        {
            var bytes = new byte[OptionReplyHeader.SizeBytes];
            var header = new OptionHeader((NbdOption)option, length);
            header.Write(bytes);
            Assert.True(OptionHeader.TryRead(bytes, out var readHeader));
            Assert.Equal(header, readHeader);
            Assert.False(OptionReplyHeader.TryRead(bytes, out _));

            var reply = new OptionReplyHeader((NbdOption)option, (OptionReplyType)type, length);
            reply.Write(bytes);
            Assert.True(OptionReplyHeader.TryRead(bytes, out var readReply));
            Assert.Equal(reply, readReply);
        });

    [Fact]
    public void Option_data_is_read_as_it_was_written_and_no_part_of_it_is_read_as_something() =>
        Gen.Select(Gen.String[Gen.Char['\u0020', '\u04ff'], 0, 50], Gen.String[Gen.Char['\u0020', '\u04ff'], 0, 50].Array[0, 5], Gen.Bool, Gen.Bool, Gen.Bool)
            .Sample((name, queries, wantsName, wantsDescription, wantsBlockSize) =>
            {
                var info = new InfoRequest(name, wantsName, wantsDescription, wantsBlockSize);
                var bytes = Written((ref OptionWriter writer) => info.Write(ref writer));
                Assert.True(InfoRequest.TryRead(bytes, out var readInfo));
                Assert.Equal(info, readInfo);
                for (var cut = 0; cut < bytes.Length; cut++)
                {
                    Assert.False(InfoRequest.TryRead(bytes.AsSpan(0, cut), out _));
                }

                bytes = Written((ref OptionWriter writer) => new MetaContextRequest(name, queries).Write(ref writer));
                Assert.True(MetaContextRequest.TryRead(bytes, out var readContexts));
                Assert.Equal(name, readContexts.ExportName);
                Assert.Equal(queries, readContexts.Queries);
                for (var cut = 0; cut < bytes.Length; cut++)
                {
                    Assert.False(MetaContextRequest.TryRead(bytes.AsSpan(0, cut), out _));
                }
            });

    [Fact]
    public void Error_chunks_are_read_as_they_were_written() =>
        Gen.Select(Gen.ULong, Gen.Int[1, 200], Gen.String[Gen.Char['\u0020', '\ud7ff'], 0, 300]).Sample((cookie, error, message) =>
        {
            var bytes = new byte[ErrorChunk.SizeBytesMax];
            var length = ErrorChunk.Write(bytes, cookie, (NbdErrno)error, message);
            Assert.True(ChunkHeader.TryRead(bytes, out var chunk));
            Assert.Equal((ChunkFlags.Done, ChunkType.Error, cookie, (uint)(length - ChunkHeader.SizeBytes)), (chunk.Flags, chunk.Type, chunk.Cookie, chunk.Length));
            Assert.True(chunk.IsError);
            Assert.True(ErrorChunk.TryRead(bytes.AsSpan(ChunkHeader.SizeBytes, (int)chunk.Length), out var readError, out var readMessage));
            Assert.Equal((NbdErrno)error, readError);
            Assert.StartsWith(readMessage, message, StringComparison.Ordinal);
            Assert.True(readMessage == message || readMessage.Length >= 65);
        });

    [Fact]
    public void Random_option_data_is_never_trusted() =>
        Gen.Byte.Array[0, 100].Sample(bytes =>
        {
            InfoRequest.TryRead(bytes, out _);
            MetaContextRequest.TryRead(bytes, out _);
            ErrorChunk.TryRead(bytes, out _, out _);
        });

    [Fact]
    public void Every_error_of_a_device_survives_the_way_there_and_back() =>
        Assert.All(Enum.GetValues<BlockDeviceError>(), e => Assert.Equal(e, e.ToErrno().ToDeviceError()));

    [Fact]
    public void A_million_claimed_queries_take_no_memory()
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.False(MetaContextRequest.TryRead(Hex.Bytes("00000000 000f4240 00000000"), out _));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 10_000);
    }

    private static byte[] Written(WriteData write)
    {
        var bytes = new byte[4096];
        var writer = new OptionWriter(bytes);
        write(ref writer);
        return bytes[..writer.WrittenBytes];
    }

    private delegate void WriteData(ref OptionWriter writer);
}
