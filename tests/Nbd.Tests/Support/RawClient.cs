using System.Buffers.Binary;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using ActorBackup.Nbd.Protocol;

namespace ActorBackup.Nbd.Tests.Support;

/// <summary>A client that says exactly the bytes it is told to.</summary>
internal sealed class RawClient : IDisposable
{
    private readonly Socket _socket;
    private SslStream? _tls;

    public RawClient(string socketPath)
        : this(new UnixDomainSocketEndPoint(socketPath))
    {
    }

    public RawClient(EndPoint endPoint)
    {
        _socket = new Socket(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Unspecified)
        {
            ReceiveTimeout = (int)Patience.Limit.TotalMilliseconds,
            SendTimeout = (int)Patience.Limit.TotalMilliseconds,
        };
        _socket.Connect(endPoint);
    }

    public Socket Socket => _socket;

    /// <summary>Of the certificate that the server showed.</summary>
    public string ServerThumbprint => ((X509Certificate2)_tls!.RemoteCertificate!).Thumbprint;

    /// <summary>Asks for TLS and has it, believing whatever the server shows.</summary>
    public void StartTls(X509Certificate2? certificate = null)
    {
        Assert.Equal(OptionReplyType.Ack, Ask(NbdOption.StartTls, []).Single().Type);
        Secure(certificate);
    }

    /// <summary>Everything from here on goes through TLS.</summary>
    public void Secure(X509Certificate2? certificate = null)
    {
        _tls = new SslStream(new NetworkStream(_socket), leaveInnerStreamOpen: false);
        _tls.AuthenticateAsClient(new SslClientAuthenticationOptions
        {
            TargetHost = "localhost",
            ClientCertificates = certificate is null ? null : [certificate],
#pragma warning disable CA5359 // What the real client believes is tested with the real client.
            RemoteCertificateValidationCallback = (_, _, _, _) => true,
#pragma warning restore CA5359
        });
    }

    /// <summary>A client that has chosen an export.</summary>
    public static RawClient Entered(string socketPath, string name, bool structured, params string[] contexts)
    {
        var client = new RawClient(socketPath);
        client.Greet();
        if (structured)
        {
            Assert.Equal(OptionReplyType.Ack, client.Ask(NbdOption.StructuredReply, []).Single().Type);
        }

        if (contexts.Length > 0)
        {
            client.Ask(NbdOption.SetMetaContext, MetaContext(name, contexts));
        }

        Assert.Equal(OptionReplyType.Ack, client.Ask(NbdOption.Go, Info(name)).Last().Type);
        return client;
    }

    public static byte[] Info(string name, params InfoType[] types)
    {
        var data = new byte[8192];
        var writer = new OptionWriter(data);
        writer.WriteString(name);
        writer.WriteUInt16((ushort)types.Length);
        foreach (var type in types)
        {
            writer.WriteUInt16((ushort)type);
        }

        return data[..writer.WrittenBytes];
    }

    public static byte[] MetaContext(string name, params string[] queries)
    {
        var data = new byte[8192];
        var writer = new OptionWriter(data);
        new MetaContextRequest(name, queries).Write(ref writer);
        return data[..writer.WrittenBytes];
    }

    public void Greet(HandshakeFlags flags = HandshakeFlags.FixedNewstyle | HandshakeFlags.NoZeroes)
    {
        var greeting = Receive(18);
        Assert.Equal(NbdMagic.Greeting, BinaryPrimitives.ReadUInt64BigEndian(greeting));
        Assert.Equal(NbdMagic.Option, BinaryPrimitives.ReadUInt64BigEndian(greeting.AsSpan(8)));
        Assert.Equal(3, BinaryPrimitives.ReadUInt16BigEndian(greeting.AsSpan(16)));
        var reply = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(reply, (uint)flags);
        Send(reply);
    }

    public void SendOption(NbdOption option, byte[] data) => Send(OptionBytes(option, data));

    public (OptionReplyType Type, byte[] Data) ReceiveOptionReply(NbdOption option)
    {
        Assert.True(OptionReplyHeader.TryRead(Receive(OptionReplyHeader.SizeBytes), out var header));
        Assert.Equal(option, header.Option);
        return (header.Type, Receive((int)header.Length));
    }

    /// <summary>Sends an option and receives its replies up to the last, an acknowledgement or an error.</summary>
    public List<(OptionReplyType Type, byte[] Data)> Ask(NbdOption option, byte[] data)
    {
        SendOption(option, data);
        List<(OptionReplyType Type, byte[] Data)> replies = [];
        do
        {
            replies.Add(ReceiveOptionReply(option));
        }
        while (replies[^1].Type is not OptionReplyType.Ack && replies[^1].Type < OptionReplyType.ErrorBit);

        return replies;
    }

    /// <summary>A request as it goes over the wire.</summary>
    public static byte[] RequestBytes(
        NbdCommand command,
        ulong offset,
        uint length,
        ulong cookie = 1,
        CommandFlags flags = CommandFlags.None,
        byte[]? payload = null)
    {
        var bytes = new byte[RequestHeader.SizeBytes + (payload?.Length ?? 0)];
        new RequestHeader(flags, command, cookie, offset, length).Write(bytes);
        payload?.CopyTo(bytes, RequestHeader.SizeBytes);
        return bytes;
    }

    /// <summary>An option as it goes over the wire.</summary>
    public static byte[] OptionBytes(NbdOption option, byte[] data)
    {
        var bytes = new byte[OptionHeader.SizeBytes + data.Length];
        new OptionHeader(option, (uint)data.Length).Write(bytes);
        data.CopyTo(bytes, OptionHeader.SizeBytes);
        return bytes;
    }

    public void Request(NbdCommand command, ulong offset, uint length, ulong cookie = 1, CommandFlags flags = CommandFlags.None, byte[]? payload = null) =>
        Send(RequestBytes(command, offset, length, cookie, flags, payload));

    public SimpleReplyHeader ReceiveSimple()
    {
        Assert.True(SimpleReplyHeader.TryRead(Receive(SimpleReplyHeader.SizeBytes), out var reply));
        return reply;
    }

    public (ChunkHeader Header, byte[] Payload) ReceiveChunk()
    {
        Assert.True(ChunkHeader.TryRead(Receive(ChunkHeader.SizeBytes), out var chunk));
        return (chunk, Receive((int)chunk.Length));
    }

    /// <summary>Asks with structured replies and returns the error of the one chunk that must come.</summary>
    public (NbdErrno Error, string Message) FailureOf(NbdCommand command, ulong offset, uint length, CommandFlags flags = CommandFlags.None, byte[]? payload = null)
    {
        Request(command, offset, length, 78, flags, payload);
        var (chunk, data) = ReceiveChunk();
        Assert.Equal((ChunkFlags.Done, ChunkType.Error, 78ul), (chunk.Flags, chunk.Type, chunk.Cookie));
        Assert.True(ErrorChunk.TryRead(data, out var error, out var message));
        return (error, message);
    }

    /// <summary>Asks without structured replies and returns the error.</summary>
    public NbdErrno ErrorOf(NbdCommand command, ulong offset, uint length, CommandFlags flags = CommandFlags.None, byte[]? payload = null)
    {
        Request(command, offset, length, 77, flags, payload);
        var reply = ReceiveSimple();
        Assert.Equal(77ul, reply.Cookie);
        return reply.Error;
    }

    public void Send(byte[] bytes)
    {
        if (_tls is not null)
        {
            _tls.Write(bytes);
            return;
        }

        for (var sent = 0; sent < bytes.Length;)
        {
            sent += _socket.Send(bytes, sent, bytes.Length - sent, SocketFlags.None);
        }
    }

    public byte[] Receive(int count)
    {
        var bytes = new byte[count];
        for (var received = 0; received < count;)
        {
            var part = _tls?.Read(bytes, received, count - received) ?? _socket.Receive(bytes, received, count - received, SocketFlags.None);
            Assert.True(part > 0, "The server ended the connection.");
            received += part;
        }

        return bytes;
    }

    /// <summary>Like <see cref="Send"/>, but a server that has hung up already is all right.</summary>
    public void TrySend(byte[] bytes)
    {
        try
        {
            Send(bytes);
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.ConnectionReset or SocketError.Shutdown or SocketError.TimedOut)
        {
            // What it says about this is received next. An end that comes while Send is blocked is reported as a time-out.
        }
    }

    /// <summary>Nothing more is sent; what the server says is still received.</summary>
    public void StopSending() => _socket.Shutdown(SocketShutdown.Send);

    /// <summary>Like <see cref="StopSending"/>, but a server that has hung up already is all right.</summary>
    public void TryStopSending()
    {
        try
        {
            StopSending();
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.NotConnected or SocketError.ConnectionReset)
        {
            // It ended first.
        }
    }

    /// <summary>The server ends the connection; whatever it says before does not matter.</summary>
    public void ExpectEnd() => ReceiveToEnd();

    /// <summary>The server ends the connection without another word.</summary>
    public void ExpectSilentEnd() => Assert.Empty(ReceiveToEnd());

    /// <summary>All that the server says until it ends the connection.</summary>
    public byte[] ReceiveToEnd()
    {
        using var all = new MemoryStream();
        var bytes = new byte[65536];
        try
        {
            for (var count = ReceiveSome(bytes); count > 0; count = ReceiveSome(bytes))
            {
                all.Write(bytes, 0, count);
            }
        }
        catch (Exception e) when ((e as SocketException ?? e.InnerException as SocketException)?.SocketErrorCode == SocketError.ConnectionReset)
        {
            // An end, too: the server closed with something of ours unread.
        }

        return all.ToArray();
    }

    public void Dispose()
    {
        _tls?.Dispose();
        _socket.Dispose();
    }

    private int ReceiveSome(byte[] bytes) => _tls?.Read(bytes) ?? _socket.Receive(bytes);

    public static string Text(byte[] data, int from = 0) => Encoding.UTF8.GetString(data, from, data.Length - from);
}
