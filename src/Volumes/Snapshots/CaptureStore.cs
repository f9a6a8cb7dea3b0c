using System.Runtime.InteropServices;
using ActorBackup.Core.Identity;
using ActorBackup.Files;
using ActorBackup.Volumes.Scheduling;
using ActorBackup.Volumes.Tracking;

namespace ActorBackup.Volumes.Snapshots;

/// <summary>Blocks that were kept before a guest overwrote them: in memory within a budget, beyond it in a scratch file.</summary>
/// <remarks>
/// Whoever puts or reads a block holds its claim, so the lock only guards the table and the sums. Blocks of zeroes cost no room. While memory fills up,
/// posted work moves blocks on to the scratch file behind the guest's back, so that a guest's write waits for a copy in memory only; when memory is full
/// none the less, it writes to the scratch file itself. Buffers are the store's own: fresh memory costs more than the copy into it.
/// </remarks>
internal sealed class CaptureStore(int blockBytes, long memoryBudgetBytes, ScratchFile? scratch, IScheduler scheduler)
{
    private const int MoveBlocksMax = 16;

    private readonly Dictionary<long, Kept> _kept = [];
    private readonly Queue<long> _unread = new();
    private readonly Queue<long> _inMemory = new();
    private readonly Stack<byte[]> _buffers = new();
    private readonly Lock _lock = new();

    /// <summary>Blocks per piece of moving; 0 = memory is too small for that to be of use.</summary>
    private readonly int _moveBlocks = scratch is null ? 0 : (int)Math.Min(MoveBlocksMax, memoryBudgetBytes / blockBytes / 4);

    private long _memoryBytes;
    private bool _isMoving;
    private bool _hasFailed;
    private bool _closed;
    private TaskCompletionSource? _writing;

    public long MemoryBytes => Volatile.Read(ref _memoryBytes);

    public long ScratchBytes => scratch?.UsedBytes ?? 0;

    /// <summary>Room runs short: readers should take kept blocks first.</summary>
    public bool IsPressed => MemoryBytes > memoryBudgetBytes / 4 || ScratchBytes > 0;

    /// <summary>A buffer for one block, with anything in it.</summary>
    public byte[] Rent()
    {
        lock (_lock)
        {
            if (_buffers.TryPop(out var buffer))
            {
                return buffer;
            }
        }

        return GC.AllocateUninitializedArray<byte>(blockBytes, pinned: true);
    }

    public void Return(byte[] buffer)
    {
        lock (_lock)
        {
            GiveBack(buffer);
        }
    }

    /// <summary>Keeps a block. Takes the rented buffer only if it returns true; else the bytes are elsewhere.</summary>
    public bool Put(long block, byte[] buffer)
    {
        if (!buffer.AsSpan().ContainsAnyExcept((byte)0))
        {
            return Add(block, default);
        }

        if (TryReserveMemory())
        {
            return Add(block, new Kept { Memory = buffer });
        }

        if (scratch is null)
        {
            throw new VolumeException(VolumeError.NoSpace, $"The memory budget of {memoryBudgetBytes} bytes for kept blocks is used up, and there is no scratch directory");
        }

        // Slots count from 1 here, so that default(Kept) can mean zeroes.
        var (slot, checksum) = scratch.Write(buffer);
        return Add(block, new Kept { Slot = slot + 1, Checksum = checksum });
    }

    /// <summary>False if the block is not kept. The buffer is filled unless the block is zero.</summary>
    public bool TryRead(long block, Span<byte> destination, out bool isZero)
    {
        byte[]? memory;
        long slot;
        ulong checksum;
        lock (_lock)
        {
            isZero = false;
            ref var kept = ref Find(block);
            if (!IsThere(ref kept))
            {
                return false;
            }

            (memory, slot, checksum) = (kept.Memory, kept.Slot, kept.Checksum);
            kept.Pins += memory is null ? 0 : 1;
        }

        isZero = memory is null && slot == 0;
        if (memory is not null)
        {
            memory.CopyTo(destination);
            Unpin(block);
        }
        else if (!isZero)
        {
            scratch!.Read(slot - 1, checksum, destination[..blockBytes]);
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
            ref var kept = ref Find(block);
            if (IsThere(ref kept))
            {
                kept.IsReleased = true;
                Tidy(block, ref kept);
            }
        }
    }

    /// <summary>Writes what is in memory only to the scratch file. Guests go on: what they add meanwhile is left for another call.</summary>
    /// <returns>False when a block could not be written, or there is no scratch file.</returns>
    public async Task<bool> SpillAsync()
    {
        List<long> blocks;
        lock (_lock)
        {
            blocks = [.. _kept.Where(k => k.Value is { Memory: not null, Slot: 0, IsReleased: false }).Select(k => k.Key)];
        }

        var isSpilled = scratch is not null || blocks.Count == 0;
        foreach (var piece in scratch is null ? [] : blocks.Chunk(MoveBlocksMax))
        {
            await scheduler.RunAsync(() => isSpilled &= WriteOut(Pin(piece))).ConfigureAwait(false);
        }

        return isSpilled;
    }

    /// <summary>Makes what is in the scratch file durable.</summary>
    public Task SyncAsync() => scratch is null ? Task.CompletedTask : scheduler.RunAsync(scratch.Sync);

    /// <summary>Nothing is written to the scratch file's slots any more. Returns how many it has.</summary>
    public long Freeze() => scratch?.Freeze() ?? 0;

    /// <summary>Ends the frozen scratch file with the index; both are durable when it completes. Null when there is no file.</summary>
    public async Task<SuspendedNote?> StoreIndexAsync(JobId job, ScratchIndex index)
    {
        if (scratch is null)
        {
            return null;
        }

        var bytes = index.Encode();
        await scheduler.RunAsync(() => scratch.WriteTail(bytes)).ConfigureAwait(false);
        await scheduler.RunAsync(scratch.Sync).ConfigureAwait(false);
        await scheduler.RunAsync(scratch.SyncName).ConfigureAwait(false);
        return new SuspendedNote(job, index.SlotCount * blockBytes, bytes.Length, TrackingFormat.Checksum(bytes));
    }

    /// <summary>Indices of what is kept.</summary>
    public IReadOnlyList<long> Blocks()
    {
        lock (_lock)
        {
            return [.. _kept.Where(k => !k.Value.IsReleased).Select(k => k.Key)];
        }
    }

    /// <summary>What is kept, for whoever goes on with the scratch file. Null when something of it is not in the file.</summary>
    public IReadOnlyList<KeptBlock>? List()
    {
        lock (_lock)
        {
            var kept = _kept.Where(k => !k.Value.IsReleased).ToList();
            return kept.Exists(k => k.Value is { Memory: not null, Slot: 0 })
                ? null
                : [.. kept.Select(k => new KeptBlock(k.Key, k.Value.Slot - 1, k.Value.Checksum)).OrderBy(k => k.Block)];
        }
    }

    /// <summary>Takes over what an earlier process kept.</summary>
    public void Adopt(IEnumerable<KeptBlock> blocks)
    {
        lock (_lock)
        {
            foreach (var block in blocks)
            {
                _kept.Add(block.Block, new Kept { Slot = block.Slot + 1, Checksum = block.Checksum });
                _unread.Enqueue(block.Block);
            }
        }
    }

    /// <summary>Forgets everything. Nobody reads any more.</summary>
    /// <param name="keepScratch">The scratch file stays for the next opening of the disk; otherwise it is deleted.</param>
    public async Task CloseAsync(bool keepScratch = false)
    {
        Task writing;
        lock (_lock)
        {
            _closed = true;
            _buffers.Clear();
            writing = _writing?.Task ?? Task.CompletedTask;
        }

        await writing.ConfigureAwait(false);
        if (keepScratch)
        {
            scratch?.Close();
        }
        else
        {
            scratch?.Dispose();
        }
    }

    private static bool IsThere(ref Kept kept) => !System.Runtime.CompilerServices.Unsafe.IsNullRef(ref kept) && !kept.IsReleased;

    private ref Kept Find(long block) => ref CollectionsMarshal.GetValueRefOrNullRef(_kept, block);

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
        var isInMemory = kept.Memory is not null;
        lock (_lock)
        {
            if (_closed)
            {
                return isInMemory;
            }

            _kept.Add(block, kept);
            _unread.Enqueue(block);
            if (_moveBlocks == 0 || !isInMemory)
            {
                return isInMemory;
            }

            _inMemory.Enqueue(block);
            if (_isMoving || _hasFailed || _memoryBytes <= memoryBudgetBytes / 2)
            {
                return true;
            }

            _isMoving = true;
        }

        scheduler.PostInBackground(Move);
        return true;
    }

    /// <summary>Moves some blocks from memory to the scratch file, oldest first.</summary>
    private void Move()
    {
        var blocks = new List<long>(_moveBlocks);
        TaskCompletionSource writing;
        List<(long Block, byte[] Memory)> pinned;
        lock (_lock)
        {
            while (!_closed && blocks.Count < _moveBlocks && _inMemory.TryDequeue(out var block))
            {
                blocks.Add(block);
            }

            pinned = Pin(blocks);
            _writing = writing = new TaskCompletionSource();
        }

        var isWritten = WriteOut(pinned);
        bool more;
        lock (_lock)
        {
            _hasFailed |= !isWritten;
            _writing = null;
            _isMoving = more = !_closed && !_hasFailed && _inMemory.Count > 0 && _memoryBytes > memoryBudgetBytes / 4;
        }

        if (more)
        {
            scheduler.PostInBackground(Move);
        }

        writing.SetResult();
    }

    /// <summary>Those of the blocks that are in memory only; their memory stays until they are written out.</summary>
    private List<(long Block, byte[] Memory)> Pin(IEnumerable<long> blocks)
    {
        var pinned = new List<(long Block, byte[] Memory)>();
        lock (_lock)
        {
            foreach (var block in blocks)
            {
                ref var kept = ref Find(block);
                if (IsThere(ref kept) && kept is { Memory: { } memory, Slot: 0 })
                {
                    kept.Pins++;
                    pinned.Add((block, memory));
                }
            }
        }

        return pinned;
    }

    /// <summary>Gives each block a slot and lets go of its memory. False = some of them stay where they are; what comes after memory is full says why.</summary>
    private bool WriteOut(List<(long Block, byte[] Memory)> pinned)
    {
        var slots = pinned.ConvertAll(b => TryWrite(b.Memory));
        lock (_lock)
        {
            for (var i = 0; i < pinned.Count; i++)
            {
                ref var kept = ref Find(pinned[i].Block);
                kept.Pins--;
                if (kept.Slot > 0 && slots[i].Slot > 0)
                {
                    // Somebody else wrote it out at the same time.
                    scratch!.Free(slots[i].Slot - 1);
                }
                else if (slots[i].Slot > 0)
                {
                    (kept.Slot, kept.Checksum) = slots[i];
                }

                Tidy(pinned[i].Block, ref kept);
            }
        }

        return slots.TrueForAll(s => s.Slot > 0);
    }

    /// <summary>The slot, counted from 1; 0 = there is no room or no file any more.</summary>
    private (long Slot, ulong Checksum) TryWrite(byte[] memory)
    {
        try
        {
            var (slot, checksum) = scratch!.Write(memory);
            return (slot + 1, checksum);
        }
        catch (Exception e) when (Failures.IsExpected(e))
        {
            return default;
        }
    }

    private void Unpin(long block)
    {
        lock (_lock)
        {
            ref var kept = ref Find(block);
            kept.Pins--;
            Tidy(block, ref kept);
        }
    }

    /// <summary>Frees what the block does not need, unless somebody is at its memory. Under the lock.</summary>
    private void Tidy(long block, ref Kept kept)
    {
        if (kept.Pins > 0)
        {
            return;
        }

        if (kept.Memory is { } memory && (kept.IsReleased || kept.Slot > 0))
        {
            kept.Memory = null;
            _memoryBytes -= blockBytes;
            GiveBack(memory);
        }

        if (kept.IsReleased)
        {
            if (kept.Slot > 0)
            {
                scratch!.Free(kept.Slot - 1);
            }

            _hasFailed = false;
            _kept.Remove(block);
        }
    }

    private void GiveBack(byte[] buffer)
    {
        if (!_closed && (_buffers.Count + 1L) * blockBytes <= memoryBudgetBytes)
        {
            _buffers.Push(buffer);
        }
    }

    private struct Kept
    {
        public byte[]? Memory;

        /// <summary>In the scratch file, counted from 1. Without memory and slot the block is zero.</summary>
        public long Slot;

        /// <summary>Of the slot's bytes.</summary>
        public ulong Checksum;

        /// <summary>Who reads the memory without the lock.</summary>
        public int Pins;

        public bool IsReleased;
    }
}
