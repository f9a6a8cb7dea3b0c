using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;

namespace ActorBackup.EndToEnd.Tests.Hostile;

/// <summary>An NBD connection that says just what it is told to, right or wrong.</summary>
internal sealed class RawConnection : IDisposable
{
    public const int HeaderBytes = 28;

    private const int GreetingBytes = 18;
    private const int ReplyHeaderBytes = 20;
    private const uint ErrorBit = 1u << 31;
    private const uint Go = 7;
    private const ulong OptionMagic = 0x49484156454F5054;
    private const uint RequestMagic = 0x25609513;

    private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified)
    {
        ReceiveTimeout = (int)Support.Patience.Limit.TotalMilliseconds,
        SendTimeout = (int)Support.Patience.Limit.TotalMilliseconds,
    };

    /// <summary>Waits in the server's queue if it must.</summary>
    public RawConnection(string socketPath) => _socket.Connect(new UnixDomainSocketEndPoint(socketPath));

    public static byte[] Option(uint option, uint length, params byte[] data)
    {
        var bytes = new byte[16 + data.Length];
        BinaryPrimitives.WriteUInt64BigEndian(bytes, OptionMagic);
        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(8), option);
        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(12), length);
        data.CopyTo(bytes, 16);
        return bytes;
    }

    public static byte[] Request(ushort command, ulong offset, uint length)
    {
        var bytes = new byte[HeaderBytes];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, RequestMagic);
        BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(6), command);
        BinaryPrimitives.WriteUInt64BigEndian(bytes.AsSpan(16), offset);
        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(24), length);
        return bytes;
    }

    public RawConnection Send(params ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            bytes = bytes[_socket.Send(bytes)..];
        }

        return this;
    }

    /// <summary>The same bytes again and again, until the server takes no more or is gone. Nothing is received.</summary>
    public void Flood(byte[] bytes, int timesMax)
    {
        _socket.Blocking = false;
        try
        {
            while (timesMax-- > 0 && _socket.Send(bytes) == bytes.Length)
            {
            }
        }
        catch (SocketException)
        {
            // It has enough.
        }
    }

    public RawConnection Greet()
    {
        Receive(GreetingBytes);
        return Send(0, 0, 0, 3);
    }

    /// <returns>Null when the export is this client's, else what the server says.</returns>
    public string? Choose(string export)
    {
        var name = Encoding.UTF8.GetBytes(export);
        Send(Option(Go, (uint)(name.Length + 6), [0, 0, 0, (byte)name.Length, .. name, 0, 0]));
        while (true)
        {
            var header = Receive(ReplyHeaderBytes);
            var type = BinaryPrimitives.ReadUInt32BigEndian(header.AsSpan(12));
            var data = Receive((int)BinaryPrimitives.ReadUInt32BigEndian(header.AsSpan(16)));
            if (type == 1 || type >= ErrorBit)
            {
                return type == 1 ? null : Encoding.UTF8.GetString(data);
            }
        }
    }

    /// <summary>Receives until the server ends the connection, which it must.</summary>
    public void ExpectEnd()
    {
        var bytes = new byte[4096];
        try
        {
            while (_socket.Receive(bytes) > 0)
            {
            }
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionReset)
        {
            // An end, too.
        }
    }

    public void Dispose() => _socket.Dispose();

    private byte[] Receive(int count)
    {
        var bytes = new byte[count];
        for (var received = 0; received < count;)
        {
            var part = _socket.Receive(bytes.AsSpan(received));
            received += part > 0 ? part : throw new IOException("The server ended the connection.");
        }

        return bytes;
    }
}
