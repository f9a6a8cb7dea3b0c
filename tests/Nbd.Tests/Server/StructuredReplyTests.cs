using ActorBackup.Nbd.Protocol;
using ActorBackup.Nbd.Tests.Support;

namespace ActorBackup.Nbd.Tests.Server;

public sealed class StructuredReplyTests : ServerTest
{
    [Theory]
    [InlineData(CommandFlags.None)]
    [InlineData(CommandFlags.DontFragment)]
    public void A_read_is_answered_with_one_chunk_of_data(CommandFlags flags)
    {
        using var client = Structured();
        client.Request(NbdCommand.Read, 0x800, 0x10, cookie: 0x0102030405060708, flags);
        Assert.Equal(
            [.. Hex.Bytes("668e33ef 0001 0001 0102030405060708 00000018 0000000000000800"), .. Device.Content[0x800..0x810]],
            client.Receive(44));
    }

    [Fact]
    public void A_read_of_no_bytes_is_answered_with_an_empty_chunk()
    {
        using var client = Structured();
        client.Request(NbdCommand.Read, SizeBytes, 0, cookie: 9);
        Assert.Equal(Hex.Bytes("668e33ef 0001 0000 0000000000000009 00000000"), client.Receive(20));
    }

    [Fact]
    public void Requests_without_data_are_answered_with_simple_replies()
    {
        using var client = Structured();
        foreach (var command in (NbdCommand[])[NbdCommand.Flush, NbdCommand.Cache, NbdCommand.Trim, NbdCommand.WriteZeroes, NbdCommand.Write])
        {
            Assert.Equal(NbdErrno.None, client.ErrorOf(command, 0, 1, payload: command == NbdCommand.Write ? [1] : null));
        }
    }

    [Fact]
    public void An_error_is_a_chunk_with_a_message_for_people()
    {
        using var client = Structured();
        client.Request(NbdCommand.Read, SizeBytes, 1, cookie: 9);
        var message = "The range ends beyond the export."u8.ToArray();
        Assert.Equal([.. Hex.Bytes("668e33ef 0001 8001 0000000000000009 00000027 00000016 0021"), .. message], client.Receive(20 + 6 + message.Length));
        ExpectServed(client, isStructured: true);
    }

    [Theory]
    [InlineData(SizeBytes)]
    [InlineData(69632 - 28)]
    [InlineData(69632 - 27)]
    public void Large_reads_are_one_chunk_too(int length)
    {
        using var client = Structured();
        client.Request(NbdCommand.Read, 0, (uint)length, cookie: 9, CommandFlags.DontFragment);
        var (chunk, payload) = client.ReceiveChunk();
        Assert.Equal(new ChunkHeader(ChunkFlags.Done, ChunkType.OffsetData, 9, (uint)length + 8), chunk);
        Assert.Equal(new byte[8], payload[..8]);
        Assert.True(payload.AsSpan(8).SequenceEqual(Device.Content.AsSpan(0, length)));
    }

    [Fact]
    public void A_message_that_is_too_long_is_cut_between_characters()
    {
        Device.Before = _ => throw new Core.Blocks.BlockDeviceException(Core.Blocks.BlockDeviceError.NoSpace, new string('ü', 1000));
        using var client = Structured();
        Assert.Equal((NbdErrno.NoSpace, new string('ü', 100)), client.FailureOf(NbdCommand.Read, 0, 1));
        Assert.Equal((NbdErrno.NoSpace, new string('ü', 100)), client.FailureOf(NbdCommand.Flush, 0, 0));
    }
}
