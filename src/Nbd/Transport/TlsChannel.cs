using System.Net.Security;

namespace ActorBackup.Nbd.Transport;

/// <summary>TLS over a socket.</summary>
/// <remarks>
/// A send that may not block encrypts, which takes microseconds, and sends what the socket takes; the rest of those records waits here for
/// the next call, which offers the same bytes again. An idle channel keeps a small buffer and what OpenSSL keeps.
/// </remarks>
internal sealed class TlsChannel : Channel
{
    /// <summary>The protocol's limit for the content of a record, unprotected.</summary>
    private const int RecordBytesMax = 16 * 1024;

    private readonly BlockingSocket _socket;
    private readonly BufferPool _pool;
    private readonly TlsRecords _records;
    private readonly SslStream _tls;
    private SharedBuffer? _opened;
    private int _openedStart;
    private int _sealedBytes;

    /// <param name="socket">Everything received from it so far belongs to TLS.</param>
    /// <param name="pool">Of buffers.</param>
    public TlsChannel(BlockingSocket socket, BufferPool pool)
    {
        _socket = socket;
        _pool = pool;
        _records = new TlsRecords(socket, pool);
        _tls = new SslStream(_records, leaveInnerStreamOpen: false);
    }

    /// <exception cref="IOException">The peer is gone, or speaks no TLS.</exception>
    /// <exception cref="System.Security.Authentication.AuthenticationException">One side does not accept the other.</exception>
    public void Accept(SslServerAuthenticationOptions options)
    {
        _tls.AuthenticateAsServer(options);
        _records.EndHandshake();
    }

    /// <inheritdoc cref="Accept"/>
    public void Connect(SslClientAuthenticationOptions options)
    {
        _tls.AuthenticateAsClient(options);
        _records.EndHandshake();
    }

    public override int Receive(Span<byte> buffer)
    {
        if (_opened is not null)
        {
            return TakeOpened(buffer);
        }

        var arrived = _records.AwaitRecord();
        if (arrived <= 0)
        {
            return arrived;
        }

        // SslStream must be left with nothing, because then only the records say whether there is something to wait for.
        if (buffer.Length >= RecordBytesMax)
        {
            return Open(buffer);
        }

        var opened = _pool.Rent(RecordBytesMax);
        opened.FilledBytes = Open(opened.Array.AsSpan(0, RecordBytesMax));
        if (opened.FilledBytes == 0)
        {
            opened.Release();
            return 0;
        }

        _opened = opened;
        _openedStart = 0;
        return TakeOpened(buffer);
    }

    public override int Send(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, bool mayBlock)
    {
        if (_sealedBytes == 0 && !TrySeal(first, second))
        {
            return 0;
        }

        var sent = _records.SendSealed(mayBlock);
        if (sent <= 0)
        {
            return sent;
        }

        sent = _sealedBytes;
        _sealedBytes = 0;
        return sent;
    }

    public override void WantIdleness(bool wanted) => _socket.WantIdleness(wanted);

    /// <summary>A stream that ends without this may have been cut by anybody.</summary>
    public override void SayEnd()
    {
        if (_sealedBytes > 0)
        {
            return;
        }

        try
        {
            _records.BeginSealing();

            // Completes at once: the records are only collected.
            _tls.ShutdownAsync().GetAwaiter().GetResult();
            _records.SendSealed(mayBlock: false);
        }
        catch (Exception e) when (IsEnd(e))
        {
            // Then the peer has to make do with the end of the stream.
        }
    }

    public override void Abort() => _socket.Abort();

    /// <remarks>Needs that nobody receives or sends any more. The socket stays open.</remarks>
    public override void Dispose()
    {
        _opened?.Release();
        _opened = null;
        _tls.Dispose();
    }

    private static bool IsEnd(Exception e) =>
        e is IOException or InvalidOperationException or NotSupportedException or System.Security.Authentication.AuthenticationException
            or System.ComponentModel.Win32Exception or System.Security.Cryptography.CryptographicException;

    private int TakeOpened(Span<byte> buffer)
    {
        var count = Math.Min(buffer.Length, _opened!.FilledBytes - _openedStart);
        _opened.Array.AsSpan(_openedStart, count).CopyTo(buffer);
        _openedStart += count;
        if (_openedStart == _opened.FilledBytes)
        {
            _opened.Release();
            _opened = null;
        }

        return count;
    }

    /// <summary>Decrypts a record; 0 is the end, of whatever kind.</summary>
    private int Open(Span<byte> buffer)
    {
        try
        {
            return _tls.Read(buffer);
        }
        catch (Exception e) when (IsEnd(e))
        {
            return 0;
        }
    }

    private bool TrySeal(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second)
    {
        first = first[..Math.Min(first.Length, TlsRecords.SealedBytesMax)];
        second = second[..Math.Min(second.Length, TlsRecords.SealedBytesMax - first.Length)];
        try
        {
            _records.BeginSealing();
            Seal(first);
            Seal(second);
            _sealedBytes = first.Length + second.Length;
            return true;
        }
        catch (Exception e) when (IsEnd(e))
        {
            return false;
        }
    }

    private void Seal(ReadOnlySpan<byte> bytes)
    {
        if (!bytes.IsEmpty)
        {
            _tls.Write(bytes);
        }
    }
}
