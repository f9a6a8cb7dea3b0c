using System.Runtime.InteropServices;
using ActorBackup.Core.Blocks;

namespace ActorBackup.Core.Bitmaps;

/// <summary>Whole bitmaps: merged, subtracted, copied, converted, as bytes.</summary>
public sealed partial class DirtyBitmap
{
    /// <summary>Adds every unit that <paramref name="other"/> touches; granularities may differ and are rounded outwards.</summary>
    /// <exception cref="ArgumentException">The disk sizes differ.</exception>
    public void UnionWith(DirtyBitmap other)
    {
        if (other.Geometry.SizeBytes != Geometry.SizeBytes)
        {
            throw new ArgumentException("Bitmaps of disks of different size cannot be merged.", nameof(other));
        }

        if (other.Geometry.BlockBytes != Geometry.BlockBytes)
        {
            foreach (var extent in other.Extents())
            {
                MarkBytes(extent.Offset, extent.Length);
            }

            return;
        }

        for (var i = 0; i < _chunks.Length; i++)
        {
            if (other.Chunk(i) is { } theirs && !TryCopyChunk(i, theirs))
            {
                UnionChunk(NeedChunk(i), theirs);
            }
        }
    }

    /// <summary>Clears every unit that is set in <paramref name="other"/> (same geometry).</summary>
    public void ExceptWith(DirtyBitmap other)
    {
        for (var word = NextLiveWord(0, WordCount); word >= 0; word = NextLiveWord(word + 1, WordCount))
        {
            if (other.Word(word) is not 0 and var bits)
            {
                ClearWord(word, bits);
            }
        }
    }

    /// <summary>Clears every unit that is not set in <paramref name="other"/> (same geometry).</summary>
    public void IntersectWith(DirtyBitmap other)
    {
        for (var word = NextLiveWord(0, WordCount); word >= 0; word = NextLiveWord(word + 1, WordCount))
        {
            ClearWord(word, ~other.Word(word));
        }
    }

    /// <summary>The units that are set in one of the two and not in the other (same geometry).</summary>
    public DirtyBitmap DifferenceFrom(DirtyBitmap other)
    {
        var differs = Clone();
        for (var word = other.NextLiveWord(0, WordCount); word >= 0; word = other.NextLiveWord(word + 1, WordCount))
        {
            var (ours, theirs) = (Word(word), other.Word(word));
            differs.ClearWord(word, ours & theirs);
            differs.MarkWord(word, theirs & ~ours);
        }

        return differs;
    }

    public DirtyBitmap Clone()
    {
        var copy = new DirtyBitmap(Geometry);
        copy.UnionWith(this);
        return copy;
    }

    /// <summary>This set at another granularity, rounded outwards.</summary>
    public DirtyBitmap ToGranularity(long granularityBytes)
    {
        var converted = new DirtyBitmap(new BlockGeometry(Geometry.SizeBytes, granularityBytes));
        converted.UnionWith(this);
        return converted;
    }

    /// <summary>Whether every unit of this is set in <paramref name="other"/> (same geometry).</summary>
    public bool IsSubsetOf(DirtyBitmap other)
    {
        for (var word = NextLiveWord(0, WordCount); word >= 0; word = NextLiveWord(word + 1, WordCount))
        {
            if ((Word(word) & ~other.Word(word)) != 0)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Copies the words [firstWord, firstWord + count) out as little-endian bytes; those past the end are zero.</summary>
    public void ReadWords(int firstWord, Span<byte> destination)
    {
        var words = MemoryMarshal.Cast<byte, ulong>(destination);
        words.Clear();
        for (var done = 0; done < words.Length && firstWord + done < WordCount;)
        {
            var (start, left) = ((firstWord + done) & (ChunkWords - 1), Math.Min(words.Length, WordCount - firstWord) - done);
            var length = Math.Min(ChunkWords - start, left);
            if (Chunk((firstWord + done) >> ChunkShift) is { } chunk)
            {
                // Beside guests that mark, each bit is the one before or after.
                chunk.AsSpan(start, length).CopyTo(words[done..]);
            }

            done += length;
        }
    }

    /// <summary>Ors words from little-endian bytes; bits past the end are ignored.</summary>
    public void UnionWords(int firstWord, ReadOnlySpan<byte> source)
    {
        var words = MemoryMarshal.Cast<byte, ulong>(source);
        for (var i = 0; i < words.Length && firstWord + i < WordCount; i++)
        {
            var word = firstWord + i;
            var bits = words[i] & ValidMask(word);
            if (bits != 0)
            {
                MarkWord(word, bits);
            }
        }
    }

    private static void UnionChunk(ulong[] ours, ulong[] theirs)
    {
        for (var i = 0; i < theirs.Length; i++)
        {
            if (Volatile.Read(ref theirs[i]) is not 0 and var bits)
            {
                Interlocked.Or(ref ours[i], bits);
            }
        }
    }

    private ulong ValidMask(int word)
    {
        var left = BlockCount - ((long)word << 6);
        return left >= WordBits ? ulong.MaxValue : (1UL << (int)left) - 1;
    }

    /// <summary>Takes over a chunk that this set lacks. Whoever marks units of the other one meanwhile has them in the copy or not, one by one.</summary>
    private bool TryCopyChunk(int index, ulong[] theirs)
    {
        if (Chunk(index) is not null)
        {
            return false;
        }

        if (theirs.AsSpan().IndexOfAnyExcept(0UL) < 0)
        {
            return true;
        }

        var copy = (ulong[])theirs.Clone();
        return ReferenceEquals(AddChunk(index, copy), copy);
    }
}
