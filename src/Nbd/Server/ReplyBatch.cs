using ActorBackup.Nbd.Transport;

namespace ActorBackup.Nbd.Server;

/// <summary>Replies that the connection's own thread has ready and not sent yet. Used by that thread only.</summary>
/// <remarks>
/// A reply is written in place: reserve room, fill it, commit. Room whose content comes later is detached instead and stays with
/// whoever detached it, while the batch goes on behind it. A batch without replies holds no buffer.
/// </remarks>
internal sealed class ReplyBatch(Sender sender, BufferPool pool)
{
    /// <summary>Largest reply that can be reserved.</summary>
    public const int CapacityBytes = BufferPool.LargeBytes;

    private SharedBuffer? _buffer;
    private int _start;
    private int _end;

    /// <summary>Room behind the replies so far, valid until the next call. Sends those when there is not enough.</summary>
    public Memory<byte> Reserve(int sizeBytes)
    {
        if (_buffer is not null && _buffer.Array.Length - _end < sizeBytes)
        {
            Flush();
        }

        _buffer ??= pool.Rent(CapacityBytes);
        return _buffer.Array.AsMemory(_end, sizeBytes);
    }

    /// <summary>The first bytes of the room reserved last are a reply.</summary>
    public void Commit(int sizeBytes) => _end += sizeBytes;

    /// <summary>The room reserved last belongs to the caller, who releases the buffer when done. Sends the replies before it.</summary>
    public SharedBuffer Detach(int sizeBytes, out int start)
    {
        var buffer = _buffer!;
        SendCommitted();
        start = _end;
        _end += sizeBytes;
        _start = _end;
        buffer.Retain();
        return buffer;
    }

    /// <summary>Sends what there is and gives the buffer back.</summary>
    public void Flush()
    {
        if (_buffer is null)
        {
            return;
        }

        SendCommitted();
        _buffer.Release();
        _buffer = null;
        _start = 0;
        _end = 0;
    }

    private void SendCommitted()
    {
        if (_end > _start)
        {
            sender.Send(_buffer!.Array.AsSpan(_start, _end - _start));
            _start = _end;
        }
    }
}
