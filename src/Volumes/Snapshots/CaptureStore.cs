using System.Buffers;

namespace ActorBackup.Volumes.Snapshots;

/// <summary>Blocks that were kept before a guest overwrote them: in memory within a budget, beyond it in a scratch file.</summary>
/// <remarks>Whoever puts or reads a block holds its claim, so the lock only guards the table and the sums. Blocks of zeroes cost no room.</remarks>
internal sealed class CaptureStore(int blockBytes, long memoryBudgetBytes, ScratchFile? scratch) : IDisposable
{
    private readonly Dictionary<long, Kept> _kept = [];
    private readonly Queue<long> _unread = new();
    private readonly Lock _lock = new();
    private long _memoryBytes;
    private bool _closed;

    public long MemoryBytes => Volatile.Read(ref _memoryBytes);

    public long ScratchBytes => scratch?.UsedBytes ?? 0;

    /// <summary>Memory runs short: readers should take kept blocks first.</summary>
    public bool IsPressed => MemoryBytes > memoryBudgetBytes / 2;

    /// <summary>Keeps a block. Takes the buffer, which came from the shared pool, only if it returns true; else the bytes are elsewhere.</summary>
    public bool Put(long block, byte[] buffer)
    {
        var bytes = buffer.AsSpan(0, blockBytes);
        if (!bytes.ContainsAnyExcept((byte)0))
        {
            return Add(block, default);
        }

        if (TryReserveMemory())
        {
            return Add(block, new Kept(buffer, 0));
        }

        if (scratch is null)
        {
            throw new VolumeException(VolumeError.NoSpace, $"The memory budget of {memoryBudgetBytes} bytes for kept blocks is used up, and there is no scratch directory");
        }

        // Slots count from 1 here, so that default(Kept) can mean zeroes.
        return Add(block, new Kept(null, scratch.Write(bytes) + 1));
    }

    /// <summary>False if the block is not kept. The buffer is filled unless the block is zero.</summary>
    public bool TryRead(long block, Span<byte> destination, out bool isZero)
    {
        Kept kept;
        lock (_lock)
        {
            isZero = false;
            if (!_kept.TryGetValue(block, out kept))
            {
                return false;
            }
        }

        isZero = kept.IsZero;
        if (kept.Memory is { } memory)
        {
            memory.AsSpan(0, blockBytes).CopyTo(destination);
        }
        else if (!isZero)
        {
            scratch!.Read(kept.Slot - 1, destination[..blockBytes]);
        }

        return true;
    }

    /// <summary>A kept block that this method did not name before.</summary>
    public bool TryTakeUnread(out long block)
    {
        lock (_lock)
        {
            return _unread.TryDequeue(out block);
        }
    }

    /// <summary>Forgets the block. Harmless if it is not kept.</summary>
    public void Release(long block)
    {
        lock (_lock)
        {
            if (_kept.Remove(block, out var kept))
            {
                Free(kept);
            }
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _closed = true;
            foreach (var kept in _kept.Values)
            {
                Free(kept);
            }

            _kept.Clear();
        }

        scratch?.Dispose();
    }

    private bool TryReserveMemory()
    {
        lock (_lock)
        {
            if (_memoryBytes + blockBytes > memoryBudgetBytes)
            {
                return false;
            }

            _memoryBytes += blockBytes;
            return true;
        }
    }

    private bool Add(long block, Kept kept)
    {
        lock (_lock)
        {
            if (_closed)
            {
                Free(kept);
                return kept.Memory is not null;
            }

            _kept.Add(block, kept);
            _unread.Enqueue(block);
            return kept.Memory is not null;
        }
    }

    private void Free(Kept kept)
    {
        if (kept.Memory is { } memory)
        {
            _memoryBytes -= blockBytes;
            ArrayPool<byte>.Shared.Return(memory);
        }
        else if (!kept.IsZero)
        {
            scratch!.Free(kept.Slot - 1);
        }
    }

    private readonly record struct Kept(byte[]? Memory, long Slot)
    {
        public bool IsZero => Memory is null && Slot == 0;
    }
}
