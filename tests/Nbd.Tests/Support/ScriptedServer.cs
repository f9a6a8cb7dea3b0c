using System.Net.Sockets;
using ActorBackup.Nbd.Client;
using ActorBackup.Nbd.Protocol;

namespace ActorBackup.Nbd.Tests.Support;

/// <summary>A server for one client that says exactly the bytes it is told to, on the thread of its script.</summary>
internal sealed class ScriptedServer : IDisposable
{
    public const long SizeBytes = 1 << 20;

    public const TransmissionFlags AllFlags = TransmissionFlags.HasFlags | TransmissionFlags.SendFlush | TransmissionFlags.SendFua
        | TransmissionFlags.SendTrim | TransmissionFlags.SendWriteZeroes | TransmissionFlags.SendFastZero;

    private readonly TempDirectory _directory = new();
    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private Socket? _socket;

    /// <param name="script">Runs when a client has connected; the connection ends with it.</param>
    public ScriptedServer(Action<ScriptedServer> script)
    {
        _listener.Bind(new UnixDomainSocketEndPoint(_directory.File("s")));
        _listener.Listen(1);
        Script = Task.Run(() => Run(script));
    }

    /// <summary>Completes when the script has ended; fails when one of its assertions did.</summary>
    public Task Script { get; }

    public NbdUri Uri => NbdUri.Unix(_directory.File("s"), "disk");

    /// <summary>A server that has let the client in before the script begins.</summary>
    public static ScriptedServer Entered(
        Action<ScriptedServer> script,
        bool isStructured = true,
        TransmissionFlags flags = AllFlags,
        string? blockSizes = null,
        long sizeBytes = SizeBytes) =>
        new(server =>
        {
            server.Greet();
            server.AnswerStructuredReply(isStructured);
            server.ExpectOption(NbdOption.Go);
            server.Reply(NbdOption.Go, OptionReplyType.Info, Hex.Bytes($"0000 {sizeBytes:x16} {(ushort)flags:x4}"));
            if (blockSizes is not null)
            {
                server.Reply(NbdOption.Go, OptionReplyType.Info, Hex.Bytes($"0003 {blockSizes}"));
            }

            server.Reply(NbdOption.Go, OptionReplyType.Ack, []);
            script(server);
        });

    public Task<NbdClient> ConnectAsync() => NbdClient.ConnectAsync(Uri).InTime();

    public void Greet()
    {
        Send("4e42444d41474943 49484156454f5054 0003");
        Assert.Equal(Hex.Bytes("00000003"), Receive(4));
    }

    /// <summary>Answers the client's wish for structured replies, and then for base:allocation, which gets the id 1.</summary>
    public void AnswerStructuredReply(bool isStructured)
    {
        Assert.Empty(ExpectOption(NbdOption.StructuredReply));
        if (!isStructured)
        {
            Reply(NbdOption.StructuredReply, OptionReplyType.ErrorUnsupported, []);
            return;
        }

        Reply(NbdOption.StructuredReply, OptionReplyType.Ack, []);
        Assert.Equal(RawClient.MetaContext("disk", "base:allocation"), ExpectOption(NbdOption.SetMetaContext));
        Reply(NbdOption.SetMetaContext, OptionReplyType.MetaContext, [0, 0, 0, 1, .. "base:allocation"u8]);
        Reply(NbdOption.SetMetaContext, OptionReplyType.Ack, []);
    }

    /// <returns>The option's data.</returns>
    public byte[] ExpectOption(NbdOption option)
    {
        Assert.True(OptionHeader.TryRead(Receive(OptionHeader.SizeBytes), out var header));
        Assert.Equal(option, header.Option);
        return Receive((int)header.Length);
    }

    public void Reply(NbdOption option, OptionReplyType type, byte[] data)
    {
        var bytes = new byte[OptionReplyHeader.SizeBytes + data.Length];
        new OptionReplyHeader(option, type, (uint)data.Length).Write(bytes);
        data.CopyTo(bytes, OptionReplyHeader.SizeBytes);
        Send(bytes);
    }

    public RequestHeader ReceiveRequest()
    {
        Assert.True(RequestHeader.TryRead(Receive(RequestHeader.SizeBytes), out var request));
        return request;
    }

    public RequestHeader ExpectRequest(NbdCommand command)
    {
        var request = ReceiveRequest();
        Assert.Equal(command, request.Command);
        return request;
    }

    public void SendSimple(RequestHeader request, NbdErrno error = NbdErrno.None)
    {
        var bytes = new byte[SimpleReplyHeader.SizeBytes];
        new SimpleReplyHeader(error, request.Cookie).Write(bytes);
        Send(bytes);
    }

    /// <param name="request">What it answers.</param>
    /// <param name="type">Of the chunk.</param>
    /// <param name="payload">Hexadecimal.</param>
    /// <param name="isDone">The reply ends with it.</param>
    public void SendChunk(RequestHeader request, ChunkType type, string payload, bool isDone = true)
    {
        var data = Hex.Bytes(payload);
        var bytes = new byte[ChunkHeader.SizeBytes + data.Length];
        new ChunkHeader(isDone ? ChunkFlags.Done : ChunkFlags.None, type, request.Cookie, (uint)data.Length).Write(bytes);
        data.CopyTo(bytes, ChunkHeader.SizeBytes);
        Send(bytes);
    }

    /// <summary>The client says goodbye and nothing else.</summary>
    public void ExpectGoodbye() => ExpectRequest(NbdCommand.Disconnect);

    /// <summary>The client cuts the connection, whatever it said before.</summary>
    public void ExpectCut()
    {
        var bytes = new byte[65536];
        while (_socket!.Receive(bytes) > 0)
        {
        }
    }

    public void Send(string hex) => Send(Hex.Bytes(hex));

    public void Send(byte[] bytes)
    {
        for (var sent = 0; sent < bytes.Length;)
        {
            sent += _socket!.Send(bytes, sent, bytes.Length - sent, SocketFlags.None);
        }
    }

    public byte[] Receive(int count)
    {
        var bytes = new byte[count];
        for (var received = 0; received < count;)
        {
            var part = _socket!.Receive(bytes, received, count - received, SocketFlags.None);
            Assert.True(part > 0, "The client ended the connection.");
            received += part;
        }

        return bytes;
    }

    public void Dispose()
    {
        _listener.Dispose();
        _directory.Dispose();
    }

    private void Run(Action<ScriptedServer> script)
    {
        using (_socket = _listener.Accept())
        {
            _socket.ReceiveTimeout = (int)Patience.Limit.TotalMilliseconds;
            script(this);
        }
    }
}
