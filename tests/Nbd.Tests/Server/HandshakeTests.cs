using System.Buffers.Binary;
using System.Text;
using ActorBackup.Nbd.Protocol;
using ActorBackup.Nbd.Tests.Support;

namespace ActorBackup.Nbd.Tests.Server;

public sealed class HandshakeTests : ServerTest
{
    private const TransmissionFlags DiskFlags = TransmissionFlags.HasFlags | TransmissionFlags.SendFlush | TransmissionFlags.SendFua
        | TransmissionFlags.SendTrim | TransmissionFlags.SendWriteZeroes | TransmissionFlags.CanMultiConn | TransmissionFlags.SendCache
        | TransmissionFlags.SendFastZero;

    [Fact]
    public void The_greeting_and_the_answer_to_GO_are_byte_exact()
    {
        using var client = new RawClient(Server.SocketPath);
        Assert.Equal(Hex.Bytes("4e42444d41474943 49484156454f5054 0003"), client.Receive(18));
        client.Send(Hex.Bytes("00000003"));

        client.Send(Hex.Bytes("49484156454f5054 00000007 0000000a 00000004 6469736b 0000"));
        Assert.Equal(
            Hex.Bytes("0003e889045565a9 00000007 00000003 0000000c 0000 0000000000100000 0d6d"),
            client.Receive(32));
        Assert.Equal(Hex.Bytes("0003e889045565a9 00000007 00000001 00000000"), client.Receive(20));
        ExpectServed(client);
    }

    [Fact]
    public void EXPORT_NAME_enters_without_padding_when_the_client_asks_for_no_zeroes()
    {
        using var client = Greeted();
        client.SendOption(NbdOption.ExportName, "disk"u8.ToArray());
        Assert.Equal(Hex.Bytes("0000000000100000 0d6d"), client.Receive(10));
        ExpectServed(client);
    }

    [Fact]
    public void EXPORT_NAME_pads_its_answer_with_124_zeroes_otherwise()
    {
        using var client = Greeted(HandshakeFlags.FixedNewstyle);
        client.SendOption(NbdOption.ExportName, "disk"u8.ToArray());
        Assert.Equal([.. Hex.Bytes("0000000000100000 0d6d"), .. new byte[124]], client.Receive(134));
        ExpectServed(client);
    }

    [Fact]
    public void A_client_that_is_only_newstyle_can_enter_by_name_and_nothing_else()
    {
        using (var client = Greeted(HandshakeFlags.None))
        {
            client.SendOption(NbdOption.ExportName, "disk"u8.ToArray());
            Assert.Equal(134, client.Receive(134).Length);
            ExpectServed(client);
        }

        using var other = Greeted(HandshakeFlags.None);
        other.SendOption(NbdOption.List, []);
        other.ExpectSilentEnd();
    }

    [Fact]
    public void EXPORT_NAME_has_no_error_reply_so_an_unknown_name_ends_the_connection()
    {
        using var client = Greeted();
        client.SendOption(NbdOption.ExportName, "nothing"u8.ToArray());
        client.ExpectSilentEnd();
    }

    [Fact]
    public void Structured_replies_count_for_EXPORT_NAME_too()
    {
        using var client = Greeted();
        client.Ask(NbdOption.StructuredReply, []);
        client.SendOption(NbdOption.ExportName, "disk"u8.ToArray());
        Assert.Equal((ushort)(DiskFlags | TransmissionFlags.SendDf), BinaryPrimitives.ReadUInt16BigEndian(client.Receive(10).AsSpan(8)));
        ExpectServed(client, isStructured: true);
    }

    [Fact]
    public void Unknown_client_flags_end_the_connection()
    {
        using var client = Greeted((HandshakeFlags)4);
        client.ExpectSilentEnd();
    }

    [Fact]
    public void A_wrong_magic_ends_the_connection()
    {
        using var client = Greeted();
        client.Send(Hex.Bytes("49484156454f5055 00000003 00000000"));
        client.ExpectSilentEnd();
    }

    [Theory]
    [InlineData(0u)]
    [InlineData(4u)]
    [InlineData(11u)]
    [InlineData(0xffffffffu)]
    public void An_unknown_option_is_unsupported_and_the_session_goes_on(uint option)
    {
        using var client = Greeted();
        var (type, _) = Assert.Single(client.Ask((NbdOption)option, [1, 2, 3]));
        Assert.Equal(OptionReplyType.ErrorUnsupported, type);
        ExpectEnters(client);
    }

    [Fact]
    public void TLS_is_unsupported_and_the_session_goes_on()
    {
        using var client = Greeted();
        Assert.Equal(OptionReplyType.ErrorUnsupported, Assert.Single(client.Ask(NbdOption.StartTls, [])).Type);
        ExpectEnters(client);
    }

    [Fact]
    public void Option_data_of_64_KiB_is_read_and_more_is_skipped_and_refused()
    {
        using var client = Greeted();
        Assert.Equal(OptionReplyType.ErrorUnsupported, Assert.Single(client.Ask((NbdOption)99, new byte[NbdLimits.OptionBytes])).Type);
        Assert.Equal(OptionReplyType.ErrorTooBig, Assert.Single(client.Ask((NbdOption)99, new byte[NbdLimits.OptionBytes + 1])).Type);
        Assert.Equal(OptionReplyType.ErrorTooBig, Assert.Single(client.Ask(NbdOption.Go, new byte[4 << 20])).Type);
        ExpectEnters(client);
    }

    [Fact]
    public void Answers_do_not_wait_for_the_data_of_a_later_option_that_is_too_big()
    {
        using var client = Greeted();
        client.Send([.. RawClient.OptionBytes(NbdOption.StructuredReply, []), .. Hex.Bytes("49484156454f5054 00000063 00020000")]);
        Assert.Equal(OptionReplyType.Ack, client.ReceiveOptionReply(NbdOption.StructuredReply).Type);
        client.Send(new byte[0x20000]);
        Assert.Equal(OptionReplyType.ErrorTooBig, client.ReceiveOptionReply((NbdOption)99).Type);
    }

    [Theory]
    [InlineData("00000063 02000001")]
    [InlineData("00000063 ffffffff")]
    [InlineData("00000001 00010001")]
    public void Option_data_of_an_absurd_length_ends_the_connection(string optionAndLength)
    {
        using var client = Greeted();
        client.Send(Hex.Bytes($"49484156454f5054 {optionAndLength}"));
        client.ExpectSilentEnd();
    }

    [Fact]
    public void ABORT_is_acknowledged_and_ends_the_connection()
    {
        using var client = Greeted();
        Assert.Equal([(OptionReplyType.Ack, 0)], client.Ask(NbdOption.Abort, []).Select(r => (r.Type, r.Data.Length)));
        client.ExpectSilentEnd();
    }

    [Fact]
    public void LIST_names_and_describes_every_export_in_order()
    {
        Server.Add("another", new MemoryDevice(4096));
        Server.Add("größer", new MemoryDevice(4096), "ünïcode");
        using var client = Greeted();
        var replies = client.Ask(NbdOption.List, []);
        Assert.Equal([OptionReplyType.Server, OptionReplyType.Server, OptionReplyType.Server, OptionReplyType.Ack], replies.Select(r => r.Type));
        Assert.Equal([("another", ""), ("disk", "a disk"), ("größer", "ünïcode")], replies[..3].Select(r => NameAndDescription(r.Data)));
        Assert.Empty(replies[3].Data);
    }

    [Fact]
    public void LIST_of_many_long_names_is_complete()
    {
        for (var i = 0; i < 100; i++)
        {
            Server.Add(new string('n', NbdLimits.StringBytes - 3) + i.ToString("000", null), Device, new string('d', NbdLimits.StringBytes));
        }

        using var client = Greeted();
        Assert.Equal(102, client.Ask(NbdOption.List, []).Count);
        ExpectEnters(client);
    }

    [Theory]
    [InlineData(NbdOption.List)]
    [InlineData(NbdOption.StructuredReply)]
    public void An_option_without_data_refuses_data(NbdOption option)
    {
        using var client = Greeted();
        Assert.Equal(OptionReplyType.ErrorInvalid, Assert.Single(client.Ask(option, [0])).Type);
        ExpectEnters(client);
    }

    [Theory]
    [InlineData("", "is empty")]
    [InlineData("00000004 64697362", "lacks the count")]
    [InlineData("00000004 6469736b 0001", "lacks a type")]
    [InlineData("00000004 6469736b 0000 00", "goes on")]
    [InlineData("00000005 6469736b 0000", "lies about the name")]
    [InlineData("ffffffff 6469736b 0000", "lies a lot about the name")]
    public void Malformed_INFO_and_GO_are_invalid_and_the_session_goes_on(string data, string why)
    {
        using var client = Greeted();
        foreach (var option in (NbdOption[])[NbdOption.Info, NbdOption.Go])
        {
            var (type, _) = Assert.Single(client.Ask(option, Hex.Bytes(data)));
            Assert.True(type == OptionReplyType.ErrorInvalid, why);
        }

        ExpectEnters(client);
    }

    [Fact]
    public void A_name_of_4096_bytes_is_found_and_a_longer_one_is_invalid()
    {
        var name = new string('n', NbdLimits.StringBytes);
        Server.Add(name, Device);
        using var client = Greeted();
        Assert.Equal(OptionReplyType.ErrorInvalid, Assert.Single(client.Ask(NbdOption.Info, RawClient.Info(name + "n"))).Type);
        Assert.Equal(OptionReplyType.Ack, client.Ask(NbdOption.Go, RawClient.Info(name)).Last().Type);
        ExpectServed(client);
    }

    [Fact]
    public void GO_for_an_unknown_name_fails_and_a_good_GO_works_afterwards()
    {
        using var client = Greeted();
        Assert.Equal(OptionReplyType.ErrorUnknown, Assert.Single(client.Ask(NbdOption.Go, RawClient.Info("nothing"))).Type);
        Assert.Equal(OptionReplyType.ErrorUnknown, Assert.Single(client.Ask(NbdOption.Go, RawClient.Info("DISK"))).Type);
        ExpectEnters(client);
    }

    [Fact]
    public void INFO_describes_the_export_and_stays_in_the_handshake()
    {
        using var client = Greeted();
        var replies = client.Ask(NbdOption.Info, RawClient.Info("disk", InfoType.BlockSize, InfoType.Description, InfoType.Name, (InfoType)77));
        Assert.Equal(
            [
                .. new[] { $"0000 0000000000100000 {(ushort)DiskFlags:x4}", "0001 6469736b", "0002 61206469736b", "0003 00000001 00001000 02000000" }
                    .Select(d => (OptionReplyType.Info, Convert.ToHexString(Hex.Bytes(d)))),
                (OptionReplyType.Ack, ""),
            ],
            replies.Select(r => (r.Type, Convert.ToHexString(r.Data))));
        Assert.Equal(0, Export.Clients);
        ExpectEnters(client);
        Assert.Equal(1, Export.Clients);
    }

    [Fact]
    public void An_export_without_a_description_sends_none()
    {
        Server.Add("plain", new MemoryDevice(4096));
        using var client = Greeted();
        var replies = client.Ask(NbdOption.Info, RawClient.Info("plain", InfoType.Description));
        Assert.Equal([OptionReplyType.Info, OptionReplyType.Ack], replies.Select(r => r.Type));
    }

    [Fact]
    public void A_read_only_export_says_so_and_promises_nothing_that_writes()
    {
        Server.Add("frozen", new MemoryDevice(4096, isReadOnly: true));
        using var client = Greeted();
        client.Ask(NbdOption.StructuredReply, []);
        var export = client.Ask(NbdOption.Go, RawClient.Info("frozen"))[0].Data;
        Assert.Equal(
            TransmissionFlags.HasFlags | TransmissionFlags.ReadOnly | TransmissionFlags.SendFlush | TransmissionFlags.SendFua
                | TransmissionFlags.CanMultiConn | TransmissionFlags.SendCache | TransmissionFlags.SendDf,
            (TransmissionFlags)BinaryPrimitives.ReadUInt16BigEndian(export.AsSpan(10)));
    }

    [Fact]
    public void The_empty_name_is_the_only_export_and_nothing_when_there_are_two()
    {
        using (var client = Greeted())
        {
            Assert.Equal(OptionReplyType.Ack, client.Ask(NbdOption.Go, RawClient.Info("")).Last().Type);
            ExpectServed(client);
        }

        Server.Add("second", new MemoryDevice(4096));
        using var other = Greeted();
        Assert.Equal(OptionReplyType.ErrorUnknown, Assert.Single(other.Ask(NbdOption.Go, RawClient.Info(""))).Type);
    }

    [Fact]
    public async Task A_closed_export_that_is_still_listed_answers_that_it_shuts_down()
    {
        Assert.True(await Export.CloseAsync().InTime());
        using var client = Greeted();
        Assert.Equal(OptionReplyType.ErrorShutdown, Assert.Single(client.Ask(NbdOption.Info, RawClient.Info("disk"))).Type);
        Assert.Equal(OptionReplyType.ErrorShutdown, Assert.Single(client.Ask(NbdOption.Go, RawClient.Info("disk"))).Type);
        client.SendOption(NbdOption.ExportName, "disk"u8.ToArray());
        client.ExpectSilentEnd();
    }

    [Fact]
    public void Options_in_one_piece_are_answered_in_order()
    {
        using var client = Greeted();
        client.Send(
        [
            .. RawClient.OptionBytes(NbdOption.List, []),
            .. RawClient.OptionBytes((NbdOption)4, []),
            .. RawClient.OptionBytes(NbdOption.Info, RawClient.Info("disk")),
            .. RawClient.OptionBytes(NbdOption.Go, RawClient.Info("disk")),
            .. RawClient.RequestBytes(NbdCommand.Read, 0, 8),
        ]);
        Assert.Equal(OptionReplyType.Server, client.ReceiveOptionReply(NbdOption.List).Type);
        Assert.Equal(OptionReplyType.Ack, client.ReceiveOptionReply(NbdOption.List).Type);
        Assert.Equal(OptionReplyType.ErrorUnsupported, client.ReceiveOptionReply((NbdOption)4).Type);
        foreach (var option in (NbdOption[])[NbdOption.Info, NbdOption.Go])
        {
            Assert.Equal(OptionReplyType.Info, client.ReceiveOptionReply(option).Type);
            Assert.Equal(OptionReplyType.Ack, client.ReceiveOptionReply(option).Type);
        }

        Assert.Equal(NbdErrno.None, client.ReceiveSimple().Error);
        Assert.Equal(Device.Content[..8], client.Receive(8));
    }

    [Fact]
    public void STRUCTURED_REPLY_may_come_after_INFO_and_twice()
    {
        using var client = Greeted();
        client.Ask(NbdOption.Info, RawClient.Info("disk"));
        Assert.Equal(OptionReplyType.Ack, Assert.Single(client.Ask(NbdOption.StructuredReply, [])).Type);
        Assert.Equal(OptionReplyType.Ack, Assert.Single(client.Ask(NbdOption.StructuredReply, [])).Type);
        client.Ask(NbdOption.Go, RawClient.Info("disk"));
        ExpectServed(client, isStructured: true);
    }

    [Fact]
    public void A_client_that_leaves_during_the_handshake_is_forgotten()
    {
        foreach (var length in (int[])[0, 2, 4, 12, 20, 24])
        {
            byte[] bytes = [.. Hex.Bytes("00000003"), .. RawClient.OptionBytes(NbdOption.Go, RawClient.Info("disk"))];
            using var client = new RawClient(Server.SocketPath);
            client.Receive(18);
            client.Send(bytes[..length]);
            client.StopSending();
            client.ExpectSilentEnd();
        }

        Assert.Equal(0, Export.Clients);
    }

    private static (string Name, string Description) NameAndDescription(byte[] data)
    {
        var length = (int)BinaryPrimitives.ReadUInt32BigEndian(data);
        return (Encoding.UTF8.GetString(data, 4, length), RawClient.Text(data, 4 + length));
    }

    private void ExpectEnters(RawClient client)
    {
        Assert.Equal(OptionReplyType.Ack, client.Ask(NbdOption.Go, RawClient.Info("disk")).Last().Type);
        ExpectServed(client);
    }
}
