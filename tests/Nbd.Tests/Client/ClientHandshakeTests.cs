using ActorBackup.Nbd.Client;
using ActorBackup.Nbd.Protocol;
using ActorBackup.Nbd.Tests.Support;

namespace ActorBackup.Nbd.Tests.Client;

public sealed class ClientHandshakeTests
{
    [Fact]
    public async Task A_full_handshake_tells_what_the_server_can()
    {
        using var server = ScriptedServer.Entered(
            s => s.ExpectGoodbye(),
            flags: TransmissionFlags.HasFlags | TransmissionFlags.ReadOnly | TransmissionFlags.SendFlush,
            blockSizes: "00000200 00010000 00100000");
        await using (var client = await server.ConnectAsync())
        {
            Assert.Equal((ScriptedServer.SizeBytes, true, 65536, 512), (client.SizeBytes, client.IsReadOnly, client.PreferredBlockBytes, client.MinimumBlockBytes));
            Assert.True(client.CanFlush);
            Assert.True(client.HasAllocation);
        }

        await server.Script.InTime();
    }

    [Fact]
    public async Task A_plain_old_server_is_enough()
    {
        using var server = ScriptedServer.Entered(s => s.ExpectGoodbye(), isStructured: false, flags: TransmissionFlags.HasFlags);
        await using (var client = await server.ConnectAsync())
        {
            Assert.Equal((4096, 1, false, false), (client.PreferredBlockBytes, client.MinimumBlockBytes, client.CanFlush, client.HasAllocation));
        }

        await server.Script.InTime();
    }

    [Fact]
    public async Task The_options_it_sends_are_byte_exact()
    {
        using var server = new ScriptedServer(s =>
        {
            s.Greet();
            Assert.Equal(Hex.Bytes("49484156454f5054 00000008 00000000"), s.Receive(16));
            s.Reply(NbdOption.StructuredReply, OptionReplyType.ErrorPolicy, []);
            Assert.Equal(Hex.Bytes("49484156454f5054 00000007 0000000c 00000004 6469736b 0001 0003"), s.Receive(28));
            s.Reply(NbdOption.Go, OptionReplyType.ErrorUnknown, "No disk here."u8.ToArray());
            s.ExpectCut();
        });
        var e = await Assert.ThrowsAsync<NbdRefusedException>(server.ConnectAsync);
        Assert.Equal("The server refuses export 'disk': No disk here.", e.Message);
        await server.Script.InTime();
    }

    [Theory]
    [InlineData(OptionReplyType.ErrorUnknown)]
    [InlineData(OptionReplyType.ErrorTlsRequired)]
    [InlineData(OptionReplyType.ErrorShutdown)]
    [InlineData(OptionReplyType.ErrorUnsupported)]
    public async Task A_refusal_without_words_is_named(OptionReplyType error)
    {
        using var server = new ScriptedServer(s =>
        {
            s.Greet();
            s.AnswerStructuredReply(true);
            s.ExpectOption(NbdOption.Go);
            s.Reply(NbdOption.Go, error, []);
        });
        var e = await Assert.ThrowsAsync<NbdRefusedException>(server.ConnectAsync);
        Assert.EndsWith(error.ToString(), e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "says nothing")]
    [InlineData("4e42444d41474943 49484156454f50", "stops in the greeting")]
    [InlineData("4e42444d41474944 49484156454f5054 0003", "is no NBD server")]
    [InlineData("4e42444d41474943 00420281861253 0000000000000003", "is an oldstyle server")]
    [InlineData("4e42444d41474943 49484156454f5054 0002", "is not fixed newstyle")]
    [InlineData("485454502f312e3120343030204261642052657175657374", "speaks HTTP")]
    public async Task A_greeting_that_makes_no_sense_is_a_protocol_error(string greeting, string why)
    {
        using var server = new ScriptedServer(s => s.Send(greeting));
        var e = await Record.ExceptionAsync(server.ConnectAsync);
        Assert.True(e is NbdProtocolException, why);
    }

    [Theory]
    [InlineData("0003e889045565a8 00000008 00000001 00000000")]
    [InlineData("0003e889045565a9 00000007 00000001 00000000")]
    [InlineData("0003e889045565a9 00000008 00000001 00010001")]
    [InlineData("0003e889045565a9 00000008 00000001 ffffffff")]
    [InlineData("0003e889045565a9 00000008 0000")]
    [InlineData("0003e889045565a9 00000008 00000001 00000010 0000")]
    public async Task A_reply_to_an_option_that_makes_no_sense_is_a_protocol_error(string reply)
    {
        using var server = new ScriptedServer(s =>
        {
            s.Greet();
            s.ExpectOption(NbdOption.StructuredReply);
            s.Send(reply);
        });
        await Assert.ThrowsAsync<NbdProtocolException>(server.ConnectAsync);
    }

    [Theory]
    [InlineData("")]
    [InlineData("0001 6469736b")]
    [InlineData("0000 0000000000100000")]
    [InlineData("0000 0000000000100000 0000")]
    [InlineData("0000 8000000000000000 0001")]
    [InlineData("0000 ffffffffffffffff 0001")]
    public async Task An_export_that_is_not_described_or_impossible_is_a_protocol_error(string info)
    {
        using var server = WithInfo(info);
        await Assert.ThrowsAsync<NbdProtocolException>(server.ConnectAsync);
    }

    [Theory]
    [InlineData("00000000 00001000 00100000")]
    [InlineData("00001000 00000200 00100000")]
    [InlineData("00020000 00020000 00100000")]
    [InlineData("00001000 00001000 00000800")]
    [InlineData("00000001 ffffffff ffffffff")]
    public async Task Block_sizes_that_contradict_each_other_are_a_protocol_error(string sizes)
    {
        using var server = WithInfo("0000 0000000000100000 0001", $"0003 {sizes}");
        var e = await Assert.ThrowsAsync<NbdProtocolException>(server.ConnectAsync);
        Assert.Contains("block sizes", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Information_that_nobody_asked_for_is_ignored()
    {
        using var server = new ScriptedServer(s =>
        {
            s.Greet();
            s.AnswerStructuredReply(true);
            s.ExpectOption(NbdOption.Go);
            s.Reply(NbdOption.Go, OptionReplyType.Info, Hex.Bytes("0002 41"));
            s.Reply(NbdOption.Go, OptionReplyType.Info, Hex.Bytes("7777 41"));
            s.Reply(NbdOption.Go, OptionReplyType.Server, Hex.Bytes("00000000"));
            s.Reply(NbdOption.Go, (OptionReplyType)99, new byte[60_000]);
            s.Reply(NbdOption.Go, OptionReplyType.Info, Hex.Bytes("0000 0000000000100000 0001"));
            s.Reply(NbdOption.Go, OptionReplyType.Ack, []);
            s.ExpectGoodbye();
        });
        await using (var client = await server.ConnectAsync())
        {
            Assert.Equal(ScriptedServer.SizeBytes, client.SizeBytes);
        }

        await server.Script.InTime();
    }

    [Fact]
    public async Task A_context_that_was_not_asked_for_is_not_used()
    {
        using var server = new ScriptedServer(s =>
        {
            s.Greet();
            s.ExpectOption(NbdOption.StructuredReply);
            s.Reply(NbdOption.StructuredReply, OptionReplyType.Ack, []);
            s.ExpectOption(NbdOption.SetMetaContext);
            s.Reply(NbdOption.SetMetaContext, OptionReplyType.MetaContext, [0, 0, 0, 1, .. "qemu:allocation-depth"u8]);
            s.Reply(NbdOption.SetMetaContext, OptionReplyType.Ack, []);
            s.ExpectOption(NbdOption.Go);
            s.Reply(NbdOption.Go, OptionReplyType.Info, Hex.Bytes("0000 0000000000100000 0001"));
            s.Reply(NbdOption.Go, OptionReplyType.Ack, []);
            s.ExpectGoodbye();
        });
        await using (var client = await server.ConnectAsync())
        {
            Assert.False(client.HasAllocation);
        }

        await server.Script.InTime();
    }

    [Fact]
    public async Task Connecting_to_a_server_that_says_nothing_can_be_cancelled()
    {
        using var patience = new CancellationTokenSource();
        using var server = new ScriptedServer(s => s.ExpectCut());
        var connecting = NbdClient.ConnectAsync(server.Uri, patience.Token);
        await patience.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => connecting.InTime());
    }

    [Fact]
    public async Task Nobody_there_is_an_input_output_error_that_names_the_address()
    {
        using var directory = new TempDirectory();
        var uri = NbdUri.Unix(directory.File("nobody"), "disk");
        var e = await Assert.ThrowsAsync<IOException>(() => NbdClient.ConnectAsync(uri).InTime());
        Assert.Contains(uri.ToString(), e.Message, StringComparison.Ordinal);
    }

    public static TheoryData<NbdUri> ImpossibleAddresses() =>
    [
        NbdUri.Unix("/" + new string('p', 200), "disk"),
        NbdUri.Tcp("127.0.0.1", 70_000, "disk"),
        NbdUri.Tcp("127.0.0.1", -1, "disk"),
        NbdUri.Tcp(new string('h', 300), 10809, "disk"),
    ];

    [Theory]
    [MemberData(nameof(ImpossibleAddresses))]
    public Task An_address_that_cannot_be_is_an_input_output_error(NbdUri uri) =>
        Assert.ThrowsAnyAsync<IOException>(() => NbdClient.ConnectAsync(uri).InTime());

    [Theory]
    [InlineData(NbdLimits.StringBytes + 1)]
    [InlineData(4 * NbdLimits.StringBytes)]
    public async Task A_name_that_the_protocol_has_no_room_for_is_an_input_output_error(int length)
    {
        await using var server = new TestServer();
        server.Add("disk", new MemoryDevice(4096));
        await Assert.ThrowsAnyAsync<IOException>(() => server.ConnectAsync(new string('n', length)));
    }

    private static ScriptedServer WithInfo(params string[] infos) =>
        new(s =>
        {
            s.Greet();
            s.AnswerStructuredReply(true);
            s.ExpectOption(NbdOption.Go);
            foreach (var info in infos)
            {
                s.Reply(NbdOption.Go, OptionReplyType.Info, Hex.Bytes(info));
            }

            s.Reply(NbdOption.Go, OptionReplyType.Ack, []);
            s.ExpectCut();
        });
}
