using ActorBackup.Core.Blocks;
using ActorBackup.Core.Packs;

namespace ActorBackup.Storage.Index;

/// <summary>The engine behind one partition: a hash table in memory. One thread at a time.</summary>
/// <remarks>
/// Open addressing with linear probing, <see cref="EntryBytes"/> per slot, between 3/8 and 3/4 full: 75 to 150 bytes per digest. It holds at most
/// MaxEntries and refuses more, so its memory is bounded by twice MaxEntries × <see cref="EntryBytes"/>.
/// </remarks>
public sealed class DigestIndex(int maxEntries = DigestIndex.DefaultMaxEntries)
{
    public const int DefaultMaxEntries = 2 * 1024 * 1024;
    public const int EntryBytes = 56;

    private const int InitialSlots = 1024;

    private readonly Dictionary<string, int> _nameIds = new(StringComparer.Ordinal);
    private readonly List<string> _names = [];
    private Entry[] _slots = new Entry[InitialSlots];

    private enum State : byte
    {
        Free = 0,
        Pending,
        Durable,
    }

    public long Count { get; private set; }

    public long MemoryBytes => (long)_slots.Length * EntryBytes;

    /// <summary>One answer per digest. A new one is pending with the writer from now on, also for the rest of the batch.</summary>
    /// <exception cref="StorageException">Full; what the batch added before stays pending.</exception>
    public DigestAnswer[] LookUp(string writer, ReadOnlySpan<BlockDigest> digests)
    {
        var answers = new DigestAnswer[digests.Length];
        for (var i = 0; i < digests.Length; i++)
        {
            var slot = Find(digests[i]);
            ref var entry = ref _slots[slot];
            answers[i] = entry.State switch
            {
                State.Durable => new DigestAnswer(DigestStatus.Durable, null),
                State.Pending => new DigestAnswer(DigestStatus.Pending, _names[entry.Owner]),
                _ => new DigestAnswer(DigestStatus.New, null),
            };
            if (entry.State == State.Free)
            {
                Insert(slot, new Entry { Digest = digests[i], State = State.Pending, Owner = IdOf(writer) });
            }
        }

        return answers;
    }

    /// <summary>The pack is durable. A digest that is durable already keeps its first place.</summary>
    public void Record(string pack, ReadOnlySpan<PackedBlock> blocks)
    {
        var owner = IdOf(pack);
        foreach (ref readonly var block in blocks)
        {
            var slot = Find(block.Digest);
            var entry = new Entry
            {
                Digest = block.Digest,
                State = State.Durable,
                Owner = owner,
                Offset = block.Offset,
                StoredLength = block.StoredLength,
                PlainLength = block.PlainLength,
                Compression = block.Compression,
            };
            if (_slots[slot].State == State.Free)
            {
                Insert(slot, entry);
            }
            else if (_slots[slot].State == State.Pending)
            {
                _slots[slot] = entry;
            }
        }
    }

    /// <summary>What is pending with the writer is new again; everything of it when no digests are given.</summary>
    public void Abandon(string writer, ReadOnlySpan<BlockDigest> digests)
    {
        if (!_nameIds.TryGetValue(writer, out var owner))
        {
            return;
        }

        if (digests.IsEmpty)
        {
            RemoveWhere((in Entry e) => e.State == State.Pending && e.Owner == owner);
            return;
        }

        foreach (var digest in digests)
        {
            var slot = Find(digest);
            if (_slots[slot].State == State.Pending && _slots[slot].Owner == owner)
            {
                RemoveAt(slot);
            }
        }
    }

    public BlockPlace[] Locate(ReadOnlySpan<BlockDigest> digests)
    {
        var places = new BlockPlace[digests.Length];
        for (var i = 0; i < digests.Length; i++)
        {
            ref var entry = ref _slots[Find(digests[i])];
            if (entry.State == State.Durable)
            {
                places[i] = new BlockPlace(
                    _names[entry.Owner], new PackedBlock(entry.Digest, entry.Compression, entry.Offset, entry.StoredLength, entry.PlainLength));
            }
        }

        return places;
    }

    /// <summary>The pack is gone or damaged: its blocks are unknown from now on.</summary>
    public void ForgetPack(string pack)
    {
        if (_nameIds.TryGetValue(pack, out var owner))
        {
            RemoveWhere((in Entry e) => e.State == State.Durable && e.Owner == owner);
        }
    }

    /// <summary>Takes over what is pending in the index that this one replaces.</summary>
    public void AdoptPending(DigestIndex old)
    {
        foreach (ref readonly var entry in old._slots.AsSpan())
        {
            if (entry.State == State.Pending && Find(entry.Digest) is var slot && _slots[slot].State == State.Free)
            {
                Insert(slot, new Entry { Digest = entry.Digest, State = State.Pending, Owner = IdOf(old._names[entry.Owner]) });
            }
        }
    }

    private static int HomeOf(BlockDigest digest, int slotCount) => digest.GetHashCode() & (slotCount - 1);

    /// <summary>The digest's slot, or the free one where it would go.</summary>
    private int Find(BlockDigest digest)
    {
        var slot = HomeOf(digest, _slots.Length);
        while (_slots[slot].State != State.Free && _slots[slot].Digest != digest)
        {
            slot = (slot + 1) & (_slots.Length - 1);
        }

        return slot;
    }

    private void Insert(int slot, in Entry entry)
    {
        if (Count >= maxEntries)
        {
            throw new StorageException(
                StorageError.IndexFull,
                $"the index of this repository has reached its bound of {maxEntries} digests per partition; delete what is not needed or start another repository");
        }

        _slots[slot] = entry;
        Count++;
        if (Count * 4 > (long)_slots.Length * 3)
        {
            Grow();
        }
    }

    private void Grow()
    {
        var old = _slots;
        _slots = new Entry[old.Length * 2];
        foreach (ref readonly var entry in old.AsSpan())
        {
            if (entry.State != State.Free)
            {
                _slots[Find(entry.Digest)] = entry;
            }
        }
    }

    /// <summary>Closes the gap: later entries of the run move back, as long as that brings them no further than their home.</summary>
    private void RemoveAt(int gap)
    {
        var mask = _slots.Length - 1;
        _slots[gap] = default;
        Count--;
        for (var slot = (gap + 1) & mask; _slots[slot].State != State.Free; slot = (slot + 1) & mask)
        {
            var home = HomeOf(_slots[slot].Digest, _slots.Length);
            if (((slot - home) & mask) >= ((slot - gap) & mask))
            {
                _slots[gap] = _slots[slot];
                _slots[slot] = default;
                gap = slot;
            }
        }
    }

    private void RemoveWhere(Predicate predicate)
    {
        var kept = _slots;
        _slots = new Entry[kept.Length];
        Count = 0;
        foreach (ref readonly var entry in kept.AsSpan())
        {
            if (entry.State != State.Free && !predicate(entry))
            {
                _slots[Find(entry.Digest)] = entry;
                Count++;
            }
        }
    }

    private delegate bool Predicate(in Entry entry);

    private int IdOf(string name)
    {
        if (!_nameIds.TryGetValue(name, out var id))
        {
            id = _names.Count;
            _names.Add(name);
            _nameIds.Add(name, id);
        }

        return id;
    }

    private struct Entry
    {
        public BlockDigest Digest;
        public int Owner;
        public uint Offset;
        public uint StoredLength;
        public uint PlainLength;
        public BlockCompression Compression;
        public State State;
    }
}
