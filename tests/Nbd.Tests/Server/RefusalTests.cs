using ActorBackup.Nbd.Protocol;
using ActorBackup.Nbd.Tests.Support;

namespace ActorBackup.Nbd.Tests.Server;

/// <summary>Requests that the server refuses by itself; after each of them the connection is as good as before.</summary>
public sealed class RefusalTests : ServerTest
{
    private const ulong End = SizeBytes;

    [Theory]
    [InlineData(NbdCommand.Read, NbdErrno.InvalidArgument)]
    [InlineData(NbdCommand.Trim, NbdErrno.InvalidArgument)]
    [InlineData(NbdCommand.Cache, NbdErrno.InvalidArgument)]
    [InlineData(NbdCommand.WriteZeroes, NbdErrno.NoSpace)]
    public void Ranges_beyond_the_end_never_reach_the_device(NbdCommand command, NbdErrno expected)
    {
        using var client = Simple();
        foreach (var (offset, length) in ((ulong, uint)[])[(End, 1), (End - 1, 2), (End + 1, 0), (0, SizeBytes + 1), (ulong.MaxValue, 1), (1ul << 63, 4096), (ulong.MaxValue - 1, 2)])
        {
            Assert.Equal((offset, expected), (offset, client.ErrorOf(command, offset, length)));
        }

        Assert.Empty(Device.CallsSoFar);
        ExpectServed(client);
    }

    [Theory]
    [InlineData(End, 1)]
    [InlineData(End - 1, 2)]
    [InlineData(ulong.MaxValue, 4096)]
    [InlineData(1ul, SizeBytes)]
    [InlineData(0ul, 32 * 1024 * 1024)]
    public void A_write_beyond_the_end_has_no_space_and_its_payload_is_consumed(ulong offset, int length)
    {
        using var client = Simple();
        var before = (byte[])Device.Content.Clone();
        Assert.Equal(NbdErrno.NoSpace, client.ErrorOf(NbdCommand.Write, offset, (uint)length, payload: new byte[length]));
        Assert.Empty(Device.CallsSoFar);
        Assert.Equal(before, Device.Content);
        ExpectServed(client);
    }

    [Fact]
    public void A_refused_write_is_answered_before_its_payload_has_come()
    {
        using var client = Simple();
        client.Request(NbdCommand.Write, End, 8 << 20, cookie: 3);
        Assert.Equal(new SimpleReplyHeader(NbdErrno.NoSpace, 3), client.ReceiveSimple());
        client.Send(new byte[8 << 20]);
        ExpectServed(client);
    }

    [Theory]
    [InlineData(8)]
    [InlineData(9)]
    [InlineData(255)]
    [InlineData(65535)]
    public void An_unknown_command_is_invalid(int command)
    {
        using var client = Simple();
        Assert.Equal(NbdErrno.InvalidArgument, client.ErrorOf((NbdCommand)command, 0, 4096));
        ExpectServed(client);
    }

    [Theory]
    [InlineData(NbdCommand.Read, CommandFlags.NoHole)]
    [InlineData(NbdCommand.Read, CommandFlags.RequestOne)]
    [InlineData(NbdCommand.Read, CommandFlags.DontFragment)]
    [InlineData(NbdCommand.Write, CommandFlags.NoHole)]
    [InlineData(NbdCommand.Write, (CommandFlags)32)]
    [InlineData(NbdCommand.Write, (CommandFlags)0x8000)]
    [InlineData(NbdCommand.Flush, CommandFlags.DontFragment)]
    [InlineData(NbdCommand.Trim, CommandFlags.NoHole)]
    [InlineData(NbdCommand.Trim, CommandFlags.FastZero)]
    [InlineData(NbdCommand.WriteZeroes, CommandFlags.RequestOne)]
    [InlineData(NbdCommand.Cache, CommandFlags.FastZero)]
    public void Flags_that_a_command_does_not_have_are_invalid(NbdCommand command, CommandFlags flags)
    {
        using var client = Simple();
        byte[]? payload = command == NbdCommand.Write ? new byte[4096] : null;
        Assert.Equal(NbdErrno.InvalidArgument, client.ErrorOf(command, 0, command == NbdCommand.Flush ? 0u : 4096u, flags, payload));
        Assert.Empty(Device.CallsSoFar);
        ExpectServed(client);
    }

    [Fact]
    public void FUA_is_allowed_on_every_command()
    {
        using var client = Structured();
        foreach (var command in (NbdCommand[])[NbdCommand.Write, NbdCommand.Flush, NbdCommand.Trim, NbdCommand.Cache, NbdCommand.WriteZeroes])
        {
            Assert.Equal(NbdErrno.None, client.ErrorOf(command, 0, 0, CommandFlags.ForceUnitAccess));
        }

        client.Request(NbdCommand.Read, 0, 1, flags: CommandFlags.ForceUnitAccess);
        Assert.Equal(ChunkType.OffsetData, client.ReceiveChunk().Header.Type);
        client.Request(NbdCommand.BlockStatus, 0, 1, flags: CommandFlags.ForceUnitAccess);
        Assert.Equal(ChunkType.BlockStatus, client.ReceiveChunk().Header.Type);
    }

    [Theory]
    [InlineData((32u << 20) + 1)]
    [InlineData(64u << 20)]
    [InlineData(uint.MaxValue)]
    public void A_read_of_more_than_32_MiB_is_invalid_even_where_the_export_is_larger(uint length)
    {
        Server.Add("huge", new HoleDevice(1L << 40));
        using var client = Simple("huge");
        Assert.Equal(NbdErrno.InvalidArgument, client.ErrorOf(NbdCommand.Read, 0, length));
        client.Request(NbdCommand.Read, 1L << 39, 1);
        Assert.Equal(NbdErrno.None, client.ReceiveSimple().Error);
        Assert.Equal([0], client.Receive(1));
    }

    [Fact]
    public void Reads_and_writes_of_32_MiB_are_served()
    {
        Server.Add("huge", new HoleDevice(1L << 40));
        using var client = Simple("huge");
        Assert.Equal(NbdErrno.None, client.ErrorOf(NbdCommand.Write, 4096, 32 << 20, payload: new byte[32 << 20]));
        client.Request(NbdCommand.Read, 4096, 32 << 20);
        Assert.Equal(NbdErrno.None, client.ReceiveSimple().Error);
        Assert.False(client.Receive(32 << 20).AsSpan().ContainsAnyExcept((byte)0));
    }

    [Theory]
    [InlineData((32u << 20) + 1)]
    [InlineData(uint.MaxValue)]
    public void A_write_of_more_than_32_MiB_is_not_worth_following(uint length)
    {
        Server.Add("huge", new HoleDevice(1L << 40));
        using var client = Simple("huge");
        client.Request(NbdCommand.Write, 0, length);
        client.ExpectSilentEnd();
    }

    [Fact]
    public void Ranges_without_payload_may_be_as_long_as_32_bits_say()
    {
        var device = new HoleDevice(1L << 40);
        Server.Add("huge", device);
        using var client = Simple("huge");
        Assert.Equal(NbdErrno.None, client.ErrorOf(NbdCommand.WriteZeroes, 1L << 39, uint.MaxValue));
        Assert.Equal(NbdErrno.None, client.ErrorOf(NbdCommand.Trim, 1L << 39, uint.MaxValue));
        Assert.Equal([(1L << 39, uint.MaxValue), (1L << 39, uint.MaxValue)], device.Zeroed);
    }

    [Theory]
    [InlineData(NbdCommand.Write)]
    [InlineData(NbdCommand.Trim)]
    [InlineData(NbdCommand.WriteZeroes)]
    public void A_read_only_export_permits_no_change(NbdCommand command)
    {
        var frozen = new MemoryDevice(4096, isReadOnly: true);
        Server.Add("frozen", frozen);
        using var client = Simple("frozen");
        byte[]? payload = command == NbdCommand.Write ? new byte[4096] : null;
        Assert.Equal(NbdErrno.NotPermitted, client.ErrorOf(command, 0, 4096, payload: payload));
        Assert.Equal(NbdErrno.NotPermitted, client.ErrorOf(command, 4096, 4096, payload: payload));
        Assert.Equal(NbdErrno.None, client.ErrorOf(NbdCommand.Flush, 0, 0));
        client.Request(NbdCommand.Read, 0, 1);
        Assert.Equal(NbdErrno.None, client.ReceiveSimple().Error);
        Assert.Equal([0], client.Receive(1));
        Assert.Equal(["flush", "read 0 1"], frozen.CallsSoFar);
    }

    [Fact]
    public void A_wrong_magic_ends_the_connection()
    {
        using var client = Simple();
        client.Send(Hex.Bytes("25609514 0000 0000 0000000000000001 0000000000000000 00000001"));
        client.ExpectSilentEnd();
    }
}
