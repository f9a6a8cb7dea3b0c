namespace ActorBackup.Nbd.Transport;

/// <summary>Bytes received from a channel and not consumed yet; used by the one thread that receives.</summary>
/// <remarks>
/// An idle connection keeps a small buffer. One that a single receive has filled is replaced by a large one, which is given back when the
/// channel has been idle. Consumed bytes stay where they are while somebody retains the buffer (a write that is still
/// running); new input then goes behind them or into a new buffer.
/// </remarks>
internal sealed class ReceiveBuffer(Channel channel, BufferPool pool) : IDisposable
{
    /// <summary>Compacting fewer bytes than this costs less than a receive into a short tail.</summary>
    private const int CompactBytes = 8 * 1024;

    /// <summary>A receive into less room than this is not worth its system call.</summary>
    private const int TailBytes = 1024;

    private SharedBuffer _buffer = pool.Rent(BufferPool.SmallBytes);
    private int _start;
    private int _end;
    private bool _isLarge;

    public int BufferedBytes => _end - _start;

    public ReadOnlySpan<byte> Buffered => _buffer.Array.AsSpan(_start, BufferedBytes);

    /// <summary>The buffer that <see cref="Consume"/> takes from: retain it to keep what was consumed.</summary>
    public SharedBuffer Current => _buffer;

    /// <summary>Waits until at least this much is buffered, contiguously.</summary>
    /// <returns>False when the stream ends before.</returns>
    public bool TryFill(int count)
    {
        while (BufferedBytes < count)
        {
            if (Fill(count) == 0)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Waits until at least this much is buffered, contiguously, or the channel was idle.</summary>
    /// <returns>Positive when it is, 0 when the stream ends before, or <see cref="Channel.TimedOut"/>.</returns>
    public int Fill(int count)
    {
        while (BufferedBytes < count)
        {
            MakeRoom(count);
            var received = channel.Receive(_buffer.Array.AsSpan(_end));
            if (received == Channel.TimedOut)
            {
                ShrinkTo(Math.Max(count, BufferPool.SmallBytes));
            }

            if (received <= 0)
            {
                return received;
            }

            _end += received;
        }

        return 1;
    }

    /// <summary>Takes bytes that are buffered. Valid until the next call, or as long as <see cref="Current"/> of now is retained.</summary>
    public ReadOnlyMemory<byte> Consume(int count)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, BufferedBytes);
        var taken = _buffer.Array.AsMemory(_start, count);
        _start += count;
        return taken;
    }

    /// <summary>Fills a destination from the buffer and then straight from the channel.</summary>
    /// <returns>False when the stream ends before.</returns>
    public bool TryReceiveInto(Span<byte> destination)
    {
        var buffered = Math.Min(destination.Length, BufferedBytes);
        Consume(buffered).Span.CopyTo(destination);
        destination = destination[buffered..];
        while (!destination.IsEmpty)
        {
            var received = channel.Receive(destination);
            if (received == 0)
            {
                return false;
            }

            destination = destination[Math.Max(received, 0)..];
        }

        return true;
    }

    /// <summary>Drops bytes as they come.</summary>
    /// <returns>False when the stream ends before.</returns>
    public bool TrySkip(long count)
    {
        while (count > 0)
        {
            if (!TryFill(1))
            {
                return false;
            }

            var skipped = (int)Math.Min(count, BufferedBytes);
            Consume(skipped);
            count -= skipped;
        }

        return true;
    }

    public void Dispose()
    {
        if (_isLarge)
        {
            channel.WantIdleness(false);
        }

        _buffer.Release();
    }

    private void MakeRoom(int count)
    {
        var capacity = _buffer.Array.Length;
        var wasFilled = _end == capacity;
        if (!_buffer.IsShared && BufferedBytes <= CompactBytes)
        {
            Compact();
        }

        if (wasFilled && !_isLarge)
        {
            Replace(Math.Max(count, BufferPool.LargeBytes));
        }
        else if (capacity - _start < count || capacity - _end < TailBytes)
        {
            Replace(Math.Max(count, BufferPool.LargeBytes));
        }
    }

    private void Compact()
    {
        Buffered.CopyTo(_buffer.Array);
        _end -= _start;
        _start = 0;
    }

    private void ShrinkTo(int sizeBytes)
    {
        if (_isLarge && BufferedBytes <= sizeBytes)
        {
            Replace(sizeBytes);
        }
    }

    private void Replace(int sizeBytes)
    {
        var next = pool.Rent(sizeBytes);
        Buffered.CopyTo(next.Array);
        _end -= _start;
        _start = 0;
        _buffer.Release();
        _buffer = next;
        var isLarge = next.Array.Length > BufferPool.SmallBytes;
        if (isLarge != _isLarge)
        {
            _isLarge = isLarge;
            channel.WantIdleness(isLarge);
        }
    }
}
