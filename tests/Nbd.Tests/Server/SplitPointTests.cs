using ActorBackup.Nbd.Protocol;
using ActorBackup.Nbd.Server;
using ActorBackup.Nbd.Tests.Support;
using CsCheck;

namespace ActorBackup.Nbd.Tests.Server;

/// <summary>How the stream of a client is cut into receives makes no difference to the answers.</summary>
public sealed class SplitPointTests : ServerTest
{
    private const int OffsetMax = SizeBytes + 10;
    private const ulong Last = ulong.MaxValue;

    private static readonly Gen<byte[]> AnyOption = Gen.OneOf(
        Gen.Const(RawClient.OptionBytes(NbdOption.List, [])),
        Gen.Const(RawClient.OptionBytes(NbdOption.StructuredReply, [])),
        Gen.Const(RawClient.OptionBytes(NbdOption.Info, RawClient.Info("disk", InfoType.BlockSize, InfoType.Name))),
        Gen.Const(RawClient.OptionBytes(NbdOption.Go, RawClient.Info("nothing"))),
        Gen.Const(RawClient.OptionBytes(NbdOption.SetMetaContext, RawClient.MetaContext("disk", "x:y", AllocationContext.ContextName))),
        Gen.Const(RawClient.OptionBytes(NbdOption.ListMetaContext, RawClient.MetaContext("disk", "base:"))),
        Gen.Int[0, 70_000].Select(length => RawClient.OptionBytes((NbdOption)99, new byte[length])));

    private static readonly Gen<byte[]> AnyRequest =
        Gen.Select(Gen.Int[0, 9], Gen.Int[0, OffsetMax], Gen.Frequency((8, Gen.Int[0, 300]), (1, Gen.Int[0, 100_000])), Gen.Frequency((5, Gen.Const(0)), (1, Gen.Int[0, 31])), Gen.ULong[0, Last - 1])
            .Select((command, offset, length, flags, cookie) => RawClient.RequestBytes(
                command == 2 ? NbdCommand.Flush : (NbdCommand)command,
                (ulong)offset,
                (uint)length,
                cookie,
                (CommandFlags)flags,
                command == 1 ? Payload(length) : null));

    private static readonly Gen<byte[]> Session =
        Gen.Select(AnyOption.Array[0, 6], AnyRequest.Array[0, 25]).Select((options, requests) => (byte[])
        [
            .. Hex.Bytes("00000003"),
            .. options.SelectMany(o => o),
            .. RawClient.OptionBytes(NbdOption.Go, RawClient.Info("disk")),
            .. requests.SelectMany(r => r),
            .. RawClient.RequestBytes(NbdCommand.Disconnect, 0, 0, Last),
        ]);

    [Fact]
    public void A_session_cut_anywhere_gets_the_same_answers() =>
        Gen.Select(Session, Gen.Double[0, 1].Array[0, 40]).Sample(
            (session, cuts) =>
            {
                var (expected, calls) = Converse(session, []);
                var (answers, callsWhenCut) = Converse(session, [.. cuts.Select(c => (int)(c * session.Length)).Order()]);
                Assert.True(expected.AsSpan().SequenceEqual(answers));
                Assert.Equal(calls, callsWhenCut);
            },
            iter: 150,
            threads: 1);

    [Fact]
    public void A_session_byte_by_byte_gets_the_same_answers()
    {
        byte[] session =
        [
            .. Hex.Bytes("00000003"),
            .. RawClient.OptionBytes(NbdOption.List, []),
            .. RawClient.OptionBytes(NbdOption.StructuredReply, []),
            .. RawClient.OptionBytes(NbdOption.SetMetaContext, RawClient.MetaContext("disk", AllocationContext.ContextName)),
            .. RawClient.OptionBytes(NbdOption.Go, RawClient.Info("disk", InfoType.BlockSize)),
            .. RawClient.RequestBytes(NbdCommand.Read, 0, 1000, 1),
            .. RawClient.RequestBytes(NbdCommand.Write, 10, 1000, 2, payload: Payload(1000)),
            .. RawClient.RequestBytes(NbdCommand.Read, 0, 1000, 3, CommandFlags.DontFragment),
            .. RawClient.RequestBytes(NbdCommand.Write, SizeBytes, 100, 4, payload: Payload(100)),
            .. RawClient.RequestBytes(NbdCommand.BlockStatus, 0, SizeBytes, 5),
            .. RawClient.RequestBytes(NbdCommand.Flush, 0, 0, 6),
            .. RawClient.RequestBytes(NbdCommand.Disconnect, 0, 0, 7),
        ];
        var (expected, calls) = Converse(session, []);
        var (answers, callsWhenCut) = Converse(session, [.. Enumerable.Range(1, session.Length - 1)]);
        Assert.True(expected.AsSpan().SequenceEqual(answers));
        Assert.Equal(calls, callsWhenCut);
        Assert.Equal(5, calls.Length);
    }

    [Fact]
    public void A_write_larger_than_a_buffer_cut_anywhere_arrives_whole()
    {
        var data = new byte[200_000];
        new Random(3).NextBytes(data);
        byte[] session =
        [
            .. Hex.Bytes("00000003"),
            .. RawClient.OptionBytes(NbdOption.Go, RawClient.Info("disk")),
            .. RawClient.RequestBytes(NbdCommand.Write, 5, (uint)data.Length, 1, payload: data),
            .. RawClient.RequestBytes(NbdCommand.Write, 300_000, 69_000, 2, payload: data[..69_000]),
            .. RawClient.RequestBytes(NbdCommand.Disconnect, 0, 0),
        ];
        for (var cut = 30; cut < session.Length; cut += 9_973)
        {
            Array.Clear(Device.Content);
            Converse(session, [cut, Math.Min(cut + 1, session.Length), Math.Min(cut + 8192, session.Length)]);
            Assert.True(Device.Content.AsSpan(5, data.Length).SequenceEqual(data));
            Assert.True(Device.Content.AsSpan(300_000, 69_000).SequenceEqual(data.AsSpan(0, 69_000)));
        }
    }

    private static byte[] Payload(int length)
    {
        var payload = new byte[length];
        new Random(length).NextBytes(payload);
        return payload;
    }

    /// <summary>Sends a session in pieces that the server receives one by one.</summary>
    private (byte[] Answers, string[] Calls) Converse(byte[] session, int[] cuts)
    {
        new Random(20260103).NextBytes(Device.Content);
        Device.Deallocate();
        Device.Calls.Clear();
        using var client = new RawClient(Server.SocketPath);
        var answers = Task.Run(client.ReceiveToEnd);
        var sent = 0;
        foreach (var cut in cuts.Append(session.Length))
        {
            client.Send(session[sent..cut]);
            SendQueue.AwaitEmpty(client.Socket);
            sent = cut;
        }

        Assert.True(answers.Wait(Patience.Limit));
        return (answers.Result, Device.CallsSoFar);
    }
}
