namespace ActorBackup.Volumes.Backings;

internal enum RemoteChangeKind
{
    Write,
    Punch,
    Zero,
}

/// <summary>A change that was sent to a server. The bytes are a copy: the sender's memory is reused when it has its answer.</summary>
internal sealed class RemoteChange(RemoteChangeKind kind, long offset, long length, byte[] data)
{
    public RemoteChangeKind Kind { get; } = kind;

    public long Offset { get; } = offset;

    public long Length { get; } = length;

    public ReadOnlyMemory<byte> Data => data;

    /// <summary>The server said that it is done; a flush that is sent later covers it.</summary>
    public bool IsAnswered { get; set; }
}

/// <summary>What a server has not been told to make stable: it is sent again, in order, to whoever answers after a lost connection.</summary>
/// <remarks>
/// A change is here before it is sent, so no answer can be missed. Sending it twice is harmless: it is the newest for its range, or concurrent with
/// what is. Only what was answered before a flush was sent leaves with the flush's success.
/// </remarks>
internal sealed class UnflushedWrites
{
    private readonly Lock _lock = new();
    private readonly LinkedList<RemoteChange> _changes = new();
    private long _bytes;

    /// <summary>Copies that are kept.</summary>
    public long Bytes => Volatile.Read(ref _bytes);

    public RemoteChange Add(RemoteChangeKind kind, long offset, long length, ReadOnlyMemory<byte> data)
    {
        var change = new RemoteChange(kind, offset, length, data.ToArray());
        lock (_lock)
        {
            _changes.AddLast(change);
            _bytes += data.Length;
        }

        return change;
    }

    public void NoteAnswer(RemoteChange change)
    {
        lock (_lock)
        {
            change.IsAnswered = true;
        }
    }

    public List<RemoteChange> All()
    {
        lock (_lock)
        {
            return [.. _changes];
        }
    }

    public List<RemoteChange> Answered()
    {
        lock (_lock)
        {
            return [.. _changes.Where(c => c.IsAnswered)];
        }
    }

    /// <summary>They are stable, or were refused for good.</summary>
    public void Remove(IReadOnlyCollection<RemoteChange> changes)
    {
        lock (_lock)
        {
            foreach (var change in changes)
            {
                if (_changes.Remove(change))
                {
                    _bytes -= change.Data.Length;
                }
            }
        }
    }
}
