using System.Runtime.InteropServices;
using ActorBackup.Core.Identity;
using ActorBackup.Files;
using ActorBackup.Volumes.Scheduling;
using ActorBackup.Volumes.Tracking;

namespace ActorBackup.Volumes.Snapshots;

/// <summary>Blocks that were kept before a guest overwrote them: in memory within a budget, beyond it in a scratch file.</summary>
/// <remarks>
/// Whoever puts or reads a block holds its claim, so the lock only guards the table and the sums. A block may be kept in parts, one after the other: it has
/// the room of a whole one, of which only the kept parts are written. Blocks of zeroes cost no room. While memory fills up,
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
    private readonly BlockParts _parts = new(blockBytes);

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

    /// <summary>Which parts of the block are kept.</summary>
    public ulong PartsOf(long block)
    {
        lock (_lock)
        {
            ref var kept = ref Find(block);
            return IsThere(ref kept) ? kept.Parts : 0;
        }
    }

    /// <summary>Keeps parts of a block, none of which is kept yet. Takes the rented buffer only if it returns true; else the bytes are elsewhere.</summary>
    /// <param name="block">Index.</param>
    /// <param name="buffer">The block; what is not of these parts may be anything.</param>
    /// <param name="parts">At least one.</param>
    public bool Put(long block, byte[] buffer, ulong parts)
    {
        if (TryAdd(block, buffer, parts))
        {
            return false;
        }

        if (parts == _parts.All && !buffer.AsSpan().ContainsAnyExcept((byte)0))
        {
            return Add(block, new Kept { Parts = parts });
        }

        if (TryReserveMemory())
        {
            return Add(block, new Kept { Memory = buffer, Parts = parts });
        }

        if (scratch is null)
        {
            throw new VolumeException(VolumeError.NoSpace, $"The memory budget of {memoryBudgetBytes} bytes for kept blocks is used up, and there is no scratch directory");
        }

        // Slots count from 1 here, so that default(Kept) can mean zeroes.
        var (slot, checksum) = scratch.Write(buffer, parts);
        return Add(block, new Kept { Slot = slot + 1, Parts = parts, Checksum = checksum });
    }

    /// <summary>False if the block is not kept as a whole. The buffer is filled unless the block is zero.</summary>
    public bool TryRead(long block, Span<byte> destination, out bool isZero) => Read(block, destination, out isZero) == _parts.All;

    /// <summary>Fills in what is kept of a block.</summary>
    /// <param name="block">Index.</param>
    /// <param name="destination">The block as it is on the source. Its kept parts become those of the instant.</param>
    public void FillIn(long block, Span<byte> destination)
    {
        if (Read(block, destination, out var isZero) != 0 && isZero)
        {
            destination[..blockBytes].Clear();
        }
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

    /// <summary>Indices of the blocks that are kept as a whole.</summary>
    public IReadOnlyList<long> Blocks()
    {
        lock (_lock)
        {
            return [.. _kept.Where(k => !k.Value.IsReleased && k.Value.Parts == _parts.All).Select(k => k.Key)];
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
                : [.. kept.Select(k => new KeptBlock(k.Key, k.Value.Slot - 1, k.Value.Parts, k.Value.Checksum)).OrderBy(k => k.Block)];
        }
    }

    /// <summary>Takes over what an earlier process kept.</summary>
    public void Adopt(IEnumerable<KeptBlock> blocks)
    {
        lock (_lock)
        {
            foreach (var block in blocks)
            {
                _kept.Add(block.Block, new Kept { Slot = block.Slot + 1, Parts = block.Parts, Checksum = block.Checksum });
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

    /// <summary>Adds to what is kept of the block. False = nothing is.</summary>
    private bool TryAdd(long block, byte[] buffer, ulong parts)
    {
        long slot;
        lock (_lock)
        {
            ref var kept = ref Find(block);
            if (!IsThere(ref kept))
            {
                return false;
            }

            if (kept.Memory is { } memory)
            {
                // Under the lock: whoever writes the memory out looks there whether it has all of it.
                _parts.Copy(buffer, memory, parts);
            }

            slot = kept.Slot;
            if (slot == 0)
            {
                kept.Parts |= parts;
                return true;
            }
        }

        var checksum = scratch!.Add(slot - 1, buffer, parts);
        lock (_lock)
        {
            ref var kept = ref Find(block);
            kept.Parts |= parts;
            kept.Checksum ^= checksum;
        }

        return true;
    }

    /// <returns>The parts that are kept, which are in the buffer now unless the block is zero.</returns>
    private ulong Read(long block, Span<byte> destination, out bool isZero)
    {
        byte[]? memory;
        Kept found;
        lock (_lock)
        {
            isZero = false;
            ref var kept = ref Find(block);
            if (!IsThere(ref kept))
            {
                return 0;
            }

            (memory, found) = (kept.Memory, kept);
            kept.Pins += memory is null ? 0 : 1;
        }

        isZero = memory is null && found.Slot == 0;
        if (memory is not null)
        {
            _parts.Copy(memory, destination, found.Parts);
            Unpin(block);
        }
        else if (!isZero)
        {
            scratch!.Read(found.Slot - 1, found.Parts, found.Checksum, destination[..blockBytes]);
        }

        return found.Parts;
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
        List<PinnedBlock> pinned;
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
    private List<PinnedBlock> Pin(IEnumerable<long> blocks)
    {
        var pinned = new List<PinnedBlock>();
        lock (_lock)
        {
            foreach (var block in blocks)
            {
                ref var kept = ref Find(block);
                if (IsThere(ref kept) && kept is { Memory: { } memory, Slot: 0 })
                {
                    kept.Pins++;
                    pinned.Add(new PinnedBlock(block, memory, kept.Parts));
                }
            }
        }

        return pinned;
    }

    /// <summary>Gives each block a slot and lets go of its memory. False = some of them stay where they are; what comes after memory is full says why.</summary>
    private bool WriteOut(List<PinnedBlock> pinned)
    {
        var slots = pinned.ConvertAll(TryWrite);
        lock (_lock)
        {
            for (var i = 0; i < pinned.Count; i++)
            {
                ref var kept = ref Find(pinned[i].Block);
                kept.Pins--;
                if (slots[i].Slot > 0 && kept.Slot == 0 && kept.Parts == pinned[i].Parts)
                {
                    (kept.Slot, kept.Checksum) = slots[i];
                }
                else if (slots[i].Slot > 0)
                {
                    // Somebody else wrote it out at the same time, or it has got more parts meanwhile.
                    scratch!.Free(slots[i].Slot - 1);
                    if (kept.Slot == 0 && !kept.IsReleased)
                    {
                        _inMemory.Enqueue(pinned[i].Block);
                    }
                }

                Tidy(pinned[i].Block, ref kept);
            }
        }

        return slots.TrueForAll(s => s.Slot > 0);
    }

    /// <summary>The slot, counted from 1; 0 = there is no room or no file any more.</summary>
    private (long Slot, ulong Checksum) TryWrite(PinnedBlock block)
    {
        try
        {
            var (slot, checksum) = scratch!.Write(block.Memory, block.Parts);
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

    /// <summary>A block whose memory stays.</summary>
    /// <param name="Block">Index.</param>
    /// <param name="Memory">Of one block.</param>
    /// <param name="Parts">What was kept of it when it was pinned. These bytes do not change.</param>
    private readonly record struct PinnedBlock(long Block, byte[] Memory, ulong Parts);

    private struct Kept
    {
        public byte[]? Memory;

        /// <summary>In the scratch file, counted from 1. Without memory and slot the block is zero.</summary>
        public long Slot;

        /// <summary>What is kept, in memory and in the slot alike.</summary>
        public ulong Parts;

        /// <summary>Of the parts in the slot.</summary>
        public ulong Checksum;

        /// <summary>Who reads the memory without the lock.</summary>
        public int Pins;

        public bool IsReleased;
    }
}
