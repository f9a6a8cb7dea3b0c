using System.Buffers.Binary;

namespace ActorBackup.Nbd.Transport;

/// <summary>What lies under SslStream: TLS records to and from a socket.</summary>
/// <remarks>
/// SslStream is given one record at a time and only when all of it is here. So it waits for nothing, which leaves waiting, idleness and
/// memory to <see cref="ReceiveBuffer"/>, and it never keeps part of the next record. What it writes is collected and sent in one call;
/// only the handshake, where there is nobody else to send, goes out at once.
/// </remarks>
internal sealed class TlsRecords(BlockingSocket socket, BufferPool pool) : Stream
{
    /// <summary>Most plaintext that is sealed at a time: four full records and what surrounds them fit a large buffer.</summary>
    public const int SealedBytesMax = 64 * 1024;

    private const int HeaderBytes = 5;
    private const int LengthOffset = 3;

    /// <summary>The protocol's limit for the protected content of a record.</summary>
    private const int ContentBytesMax = (16 * 1024) + 2048;

    private readonly ReceiveBuffer _input = new(socket, pool);
    private SharedBuffer? _sealed;
    private int _sealedStart;
    private int _sealedEnd;
    private int _recordRest;
    private int _sealer;
    private bool _isHandshake = true;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>From now on what is written is kept for <see cref="SendSealed"/>.</summary>
    public void EndHandshake() => _isHandshake = false;

    /// <summary>Waits for a whole record.</summary>
    /// <returns>Positive when there is one, 0 at the end, or <see cref="Channel.TimedOut"/>.</returns>
    public int AwaitRecord()
    {
        if (_recordRest > 0)
        {
            return 1;
        }

        var filled = _input.Fill(HeaderBytes);
        if (filled <= 0)
        {
            return filled;
        }

        return TryReadLength(out var length) ? _input.Fill(length) : 0;
    }

    public override int Read(Span<byte> buffer)
    {
        if (buffer.IsEmpty)
        {
            return 0;
        }

        int arrived;
        do
        {
            arrived = AwaitRecord();
        }
        while (arrived == Channel.TimedOut);

        if (arrived == 0)
        {
            return 0;
        }

        if (_recordRest == 0)
        {
            TryReadLength(out _recordRest);
        }

        var count = Math.Min(buffer.Length, _recordRest);
        _input.Consume(count).Span.CopyTo(buffer);
        _recordRest -= count;
        return count;
    }

    /// <summary>The calling thread has the right to send: what it makes SslStream write is kept.</summary>
    public void BeginSealing() => _sealer = Environment.CurrentManagedThreadId;

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        if (_isHandshake)
        {
            SendAll(buffer);
            return;
        }

        if (_sealer != Environment.CurrentManagedThreadId)
        {
            // An answer to something within the stream, such as a renegotiation. Nothing that is allowed here needs one.
            throw new IOException("TLS wants to send out of turn.");
        }

        _sealed ??= pool.Rent(BufferPool.LargeBytes);
        buffer.CopyTo(_sealed.Array.AsSpan(_sealedEnd));
        _sealedEnd += buffer.Length;
    }

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        Write(buffer.Span);
        return ValueTask.CompletedTask;
    }

    /// <summary>Sends what was sealed.</summary>
    /// <returns>Positive when nothing is left, 0 when the peer is gone, or <see cref="Channel.WouldBlock"/>.</returns>
    public int SendSealed(bool mayBlock)
    {
        _sealer = 0;
        while (_sealedStart < _sealedEnd)
        {
            var sent = socket.Send(_sealed!.Array.AsSpan(_sealedStart, _sealedEnd - _sealedStart), default, mayBlock);
            if (sent <= 0)
            {
                return sent;
            }

            _sealedStart += sent;
        }

        _sealed?.Release();
        _sealed = null;
        _sealedStart = 0;
        _sealedEnd = 0;
        return 1;
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Flush()
    {
    }

    public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    /// <remarks>Needs that nobody receives or sends any more.</remarks>
    protected override void Dispose(bool disposing)
    {
        if (disposing && _sealer >= 0)
        {
            _sealer = -1;
            _sealed?.Release();
            _sealed = null;
            _input.Dispose();
        }

        base.Dispose(disposing);
    }

    /// <returns>False when what has come is no TLS record.</returns>
    private bool TryReadLength(out int length)
    {
        const byte ChangeCipherSpec = 20;
        const byte ApplicationData = 23;
        const byte MajorVersion = 3;
        var header = _input.Buffered;
        var content = BinaryPrimitives.ReadUInt16BigEndian(header[LengthOffset..]);
        length = HeaderBytes + content;
        return header[0] is >= ChangeCipherSpec and <= ApplicationData && header[1] == MajorVersion && content <= ContentBytesMax;
    }

    private void SendAll(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            var sent = socket.Send(bytes, default, mayBlock: true);
            if (sent == 0)
            {
                throw new IOException("The peer is gone.");
            }

            bytes = bytes[sent..];
        }
    }
}
