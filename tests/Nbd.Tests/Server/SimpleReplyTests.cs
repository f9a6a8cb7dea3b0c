using ActorBackup.Nbd.Protocol;
using ActorBackup.Nbd.Tests.Support;

namespace ActorBackup.Nbd.Tests.Server;

public sealed class SimpleReplyTests : ServerTest
{
    [Fact]
    public void A_read_is_answered_with_a_header_and_the_data()
    {
        using var client = Simple();
        client.Send(Hex.Bytes("25609513 0000 0000 0102030405060708 0000000000000800 00000010"));
        Assert.Equal([.. Hex.Bytes("67446698 00000000 0102030405060708"), .. Device.Content[0x800..0x810]], client.Receive(32));
    }

    [Theory]
    [InlineData("25609513 0000 0001 00000000000000ff 0000000000000010 00000003 aabbcc", "write 16 3")]
    [InlineData("25609513 0001 0001 00000000000000ff 0000000000000010 00000003 aabbcc", "write 16 3 fua")]
    [InlineData("25609513 0000 0003 00000000000000ff 0000000000000000 00000000", "flush")]
    [InlineData("25609513 0000 0004 00000000000000ff 0000000000001000 00002000", "trim 4096 8192")]
    [InlineData("25609513 0001 0004 00000000000000ff 0000000000001000 00002000", "trim 4096 8192 fua")]
    [InlineData("25609513 0000 0006 00000000000000ff 0000000000000010 00000100", "zero 16 256 None")]
    [InlineData("25609513 0001 0006 00000000000000ff 0000000000000010 00000100", "zero 16 256 ForceUnitAccess")]
    [InlineData("25609513 0002 0006 00000000000000ff 0000000000000010 00000100", "zero 16 256 NoHole")]
    [InlineData("25609513 0010 0006 00000000000000ff 0000000000000010 00000100", "zero 16 256 Fast")]
    [InlineData("25609513 0013 0006 00000000000000ff 0000000000000010 00000100", "zero 16 256 ForceUnitAccess, NoHole, Fast")]
    public void A_request_reaches_the_device_with_its_flags_and_is_answered_with_a_bare_header(string request, string call)
    {
        using var client = Simple();
        client.Send(Hex.Bytes(request));
        Assert.Equal(Hex.Bytes("67446698 00000000 00000000000000ff"), client.Receive(16));
        Assert.Equal([call], Device.CallsSoFar);
        ExpectServed(client);
    }

    [Fact]
    public void What_was_written_is_read()
    {
        using var client = Simple();
        Assert.Equal(NbdErrno.None, client.ErrorOf(NbdCommand.Write, 100, 5, payload: [1, 2, 3, 4, 5]));
        Assert.Equal([1, 2, 3, 4, 5], Device.Content[100..105]);
        client.Request(NbdCommand.Read, 99, 7);
        Assert.Equal(NbdErrno.None, client.ReceiveSimple().Error);
        Assert.Equal(Device.Content[99..106], client.Receive(7));
    }

    [Fact]
    public void CACHE_is_taken_as_a_hint()
    {
        using var client = Simple();
        Assert.Equal(NbdErrno.None, client.ErrorOf(NbdCommand.Cache, 0, SizeBytes));
        Assert.Empty(Device.CallsSoFar);
        ExpectServed(client);
    }

    [Theory]
    [InlineData(0u, 1)]
    [InlineData(SizeBytes - 1u, 1)]
    [InlineData(0u, SizeBytes)]
    [InlineData(1u, SizeBytes - 1)]
    [InlineData(0u, 69632 - 16)]
    [InlineData(0u, 69632 - 15)]
    [InlineData(0u, 69632 - 28)]
    [InlineData(0u, 69632 - 27)]
    [InlineData(7u, 65536)]
    public void Reads_and_writes_up_to_the_bounds_of_the_device_and_of_the_buffers_are_exact(uint offset, int length)
    {
        var data = new byte[length];
        new Random(length).NextBytes(data);
        using var client = Simple();
        Assert.Equal(NbdErrno.None, client.ErrorOf(NbdCommand.Write, offset, (uint)length, payload: data));
        client.Request(NbdCommand.Read, offset, (uint)length);
        Assert.Equal(NbdErrno.None, client.ReceiveSimple().Error);
        Assert.True(client.Receive(length).AsSpan().SequenceEqual(data));
        Assert.True(Device.Content.AsSpan((int)offset, length).SequenceEqual(data));
    }

    [Theory]
    [InlineData(NbdCommand.Read)]
    [InlineData(NbdCommand.Write)]
    [InlineData(NbdCommand.Trim)]
    [InlineData(NbdCommand.WriteZeroes)]
    [InlineData(NbdCommand.Cache)]
    public void Requests_of_no_bytes_succeed_up_to_the_end_without_asking_the_device(NbdCommand command)
    {
        using var client = Simple();
        Assert.Equal(NbdErrno.None, client.ErrorOf(command, 0, 0));
        Assert.Equal(NbdErrno.None, client.ErrorOf(command, SizeBytes, 0));
        Assert.NotEqual(NbdErrno.None, client.ErrorOf(command, SizeBytes + 1, 0));
        Assert.Empty(Device.CallsSoFar);
    }

    [Fact]
    public void Block_status_needs_a_context_which_needs_structured_replies()
    {
        using var client = Simple();
        Assert.Equal(NbdErrno.InvalidArgument, client.ErrorOf(NbdCommand.BlockStatus, 0, 4096));
        ExpectServed(client);
    }

    [Fact]
    public void Replies_to_many_small_requests_in_one_piece_come_in_order()
    {
        using var client = Simple();
        client.Send([.. Enumerable.Range(0, 500).SelectMany(i => RawClient.RequestBytes(NbdCommand.Read, (ulong)i * 3, 3, cookie: (ulong)i))]);
        for (var i = 0; i < 500; i++)
        {
            Assert.Equal((ulong)i, client.ReceiveSimple().Cookie);
            Assert.Equal(Device.Content[(i * 3)..((i * 3) + 3)], client.Receive(3));
        }
    }
}
