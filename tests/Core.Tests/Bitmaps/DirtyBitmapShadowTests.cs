using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Blocks;
using CsCheck;

namespace ActorBackup.Core.Tests.Bitmaps;

/// <summary>Random operations on the bitmap and on a naive set beside it, compared after every one.</summary>
public sealed class DirtyBitmapShadowTests
{
    private enum Kind
    {
        Mark,
        MarkBytes,
        MarkRange,
        MarkWord,
        Clear,
        ClearRange,
        ClearWord,
        MarkAll,
        ClearAll,
        MergeSame,
        MergeOther,
        Except,
        Intersect,
        Differ,
        Reload,
    }

    private sealed record Operation(Kind Kind, double From, double Span, ulong Mask, int OtherShift);

    private static readonly Gen<Operation> Operations = Gen.Select(
        Gen.Frequency(
            (6, Gen.Const(Kind.Mark)),
            (6, Gen.Const(Kind.MarkBytes)),
            (4, Gen.Const(Kind.MarkRange)),
            (2, Gen.Const(Kind.MarkWord)),
            (4, Gen.Const(Kind.Clear)),
            (4, Gen.Const(Kind.ClearRange)),
            (2, Gen.Const(Kind.ClearWord)),
            (1, Gen.Const(Kind.MarkAll)),
            (1, Gen.Const(Kind.ClearAll)),
            (2, Gen.Const(Kind.MergeSame)),
            (3, Gen.Const(Kind.MergeOther)),
            (2, Gen.Const(Kind.Except)),
            (1, Gen.Const(Kind.Intersect)),
            (2, Gen.Const(Kind.Differ)),
            (2, Gen.Const(Kind.Reload))),
        Gen.Double.Unit,
        Gen.OneOf(Gen.Double[0, 0.01], Gen.Double.Unit),
        Gen.ULong,
        Gen.Int[-4, 4],
        (kind, from, span, mask, shift) => new Operation(kind, from, span, mask, shift));

    // Sizes around words (64 units), with and without a partial tail.
    private static readonly Gen<BlockGeometry> Geometries = Sizes(1, 2, 63, 64, 65, 127, 128, 129, 1000, 4095, 4096, 4097, 8200);

    // And around chunks (32,768 units).
    private static readonly Gen<BlockGeometry> LargeGeometries = Sizes(32767, 32768, 32769, 65536, 70000, 98305);

    private static Gen<BlockGeometry> Sizes(params int[] blocks) =>
        Gen.Select(AnyOf(blocks), AnyOf(512L, 4096L, 65536L), AnyOf(0, 1, 511), (count, unit, missing) => new BlockGeometry((count * unit) - missing, unit));

    private static Gen<T> AnyOf<T>(params T[] values) => Gen.Int[0, values.Length - 1].Select(i => values[i]);

    [Fact]
    public void The_bitmap_agrees_with_a_naive_set_after_every_operation() =>
        Gen.Select(Geometries, Operations.List[1, 25]).Sample((geometry, operations) => Live(geometry, operations, samples: 97), iter: 1_000, threads: 1);

    [Fact]
    public void A_bitmap_of_several_chunks_agrees_with_a_naive_set_too() =>
        Gen.Select(LargeGeometries, Operations.List[1, 12]).Sample((geometry, operations) => Live(geometry, operations, samples: 7), iter: 60, threads: 1);

    [Fact]
    public void What_is_clear_takes_no_memory()
    {
        var geometry = new BlockGeometry(16L << 40, 65536);
        var before = GC.GetAllocatedBytesForCurrentThread();
        var bitmap = new DirtyBitmap(geometry);
        for (var i = 0L; i < 655; i++)
        {
            bitmap.Mark(i * (geometry.BlockCount / 655));
        }

        var copy = bitmap.Clone();

        Assert.Equal(bitmap.Runs(), copy.Runs());
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 8 << 20);
    }

    [Fact]
    public void A_full_bitmap_costs_one_bit_per_unit_and_at_most_a_fiftieth_more()
    {
        var geometry = new BlockGeometry(1L << 40, 65536);
        var before = GC.GetAllocatedBytesForCurrentThread();

        new DirtyBitmap(geometry).MarkAll();

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, geometry.BlockCount / 8, geometry.BlockCount / 8 * 51 / 50);
    }

    [Fact]
    public void Subset_is_what_sets_say() =>
        Gen.Select(Gen.Int[0, 200].List[0, 20], Gen.Int[0, 200].List[0, 200]).Sample(
            (few, many) =>
            {
                var left = DirtyBitmapTests.Of(blocks: 201);
                var right = DirtyBitmapTests.Of(blocks: 201);
                few.ForEach(b => left.Mark(b));
                many.ForEach(b => right.Mark(b));

                Assert.Equal(few.ToHashSet().IsSubsetOf(many), left.IsSubsetOf(right));
                var union = right.Clone();
                union.UnionWith(left);
                Assert.True(left.IsSubsetOf(union) && right.IsSubsetOf(union));
            },
            iter: 2_000,
            threads: 1);

    [Fact]
    public void A_change_of_granularity_never_claims_too_little() =>
        Gen.Select(Geometries, Gen.Int[9, 20], Gen.Double.Unit.List[0, 30]).Sample(
            (geometry, shift, marks) =>
            {
                var bitmap = new DirtyBitmap(geometry);
                marks.ForEach(m => bitmap.Mark((long)(m * (geometry.BlockCount - 1))));

                var converted = bitmap.ToGranularity(1L << shift);
                var back = converted.ToGranularity(geometry.BlockBytes);

                Assert.True(bitmap.IsSubsetOf(back));
                foreach (var extent in bitmap.Extents())
                {
                    Assert.True(converted[converted.Geometry.IndexOf(extent.Offset)]);
                    Assert.True(converted[converted.Geometry.IndexOf(extent.End - 1)]);
                }

                // Refining and coarsening again loses nothing and adds nothing.
                if (1L << shift <= geometry.BlockBytes)
                {
                    Assert.Equal(bitmap.Runs(), back.Runs());
                }
            },
            iter: 1_000,
            threads: 1);

    private static void Live(BlockGeometry geometry, List<Operation> operations, int samples)
    {
        var bitmap = new DirtyBitmap(geometry);
        var shadow = new HashSet<long>();
        foreach (var operation in operations)
        {
            bitmap = Run(operation, bitmap, shadow);
            Compare(bitmap, shadow, samples);
        }
    }

    private static DirtyBitmap Run(Operation operation, DirtyBitmap bitmap, HashSet<long> shadow)
    {
        var count = bitmap.BlockCount;
        var first = (long)(operation.From * (count - 1));
        var end = Math.Min(count, first + (long)(operation.Span * count));
        switch (operation.Kind)
        {
            case Kind.Mark:
                Assert.Equal(shadow.Add(first), bitmap.Mark(first));
                break;
            case Kind.MarkBytes:
                var offset = (long)(operation.From * (bitmap.Geometry.SizeBytes - 1));
                var length = Math.Min(bitmap.Geometry.SizeBytes - offset, (long)(operation.Span * bitmap.Geometry.SizeBytes));
                bitmap.MarkBytes(offset, length);
                MarkTouched(shadow, bitmap.Geometry, offset, length);
                break;
            case Kind.MarkRange:
                bitmap.MarkRange(first, end);
                shadow.UnionWith(Range(first, end));
                break;
            case Kind.MarkWord or Kind.ClearWord:
                RunOnWord(operation, bitmap, shadow, (int)(first / 64));
                break;
            case Kind.Clear:
                Assert.Equal(shadow.Remove(first), bitmap.Clear(first));
                break;
            case Kind.ClearRange:
                bitmap.ClearRange(first, end);
                shadow.ExceptWith(Range(first, end));
                break;
            case Kind.MarkAll:
                bitmap.MarkAll();
                shadow.UnionWith(Range(0, count));
                break;
            case Kind.ClearAll:
                bitmap.ClearAll();
                shadow.Clear();
                break;
            case Kind.MergeSame:
                Merge(bitmap, shadow, bitmap.Geometry, first, end);
                break;
            case Kind.MergeOther:
                var other = Math.Clamp(bitmap.Geometry.BlockBytes * Math.Pow(2, operation.OtherShift), 512, 1 << 20);
                Merge(bitmap, shadow, new BlockGeometry(bitmap.Geometry.SizeBytes, (long)other), first, end);
                break;
            case Kind.Except or Kind.Intersect or Kind.Differ:
                return Combine(operation.Kind, bitmap, shadow, first, end);
            case Kind.Reload:
                return Reload(bitmap);
        }

        return bitmap;
    }

    private static void RunOnWord(Operation operation, DirtyBitmap bitmap, HashSet<long> shadow, int word)
    {
        var start = word * 64L;
        var valid = bitmap.BlockCount - start >= 64 ? ulong.MaxValue : (1UL << (int)(bitmap.BlockCount - start)) - 1;
        var mask = operation.Mask & valid;
        var before = bitmap.Word(word);
        var bits = Range(start, start + 64).Where(b => (mask & (1UL << (int)(b - start))) != 0);
        if (operation.Kind == Kind.MarkWord)
        {
            Assert.Equal(before, bitmap.MarkWord(word, mask));
            shadow.UnionWith(bits);
        }
        else
        {
            Assert.Equal(before, bitmap.ClearWord(word, mask));
            shadow.ExceptWith(bits);
        }
    }

    private static void Merge(DirtyBitmap bitmap, HashSet<long> shadow, BlockGeometry otherGeometry, long first, long end)
    {
        var other = new DirtyBitmap(otherGeometry);
        var offset = bitmap.Geometry.OffsetOf(first);
        var length = Math.Min(bitmap.Geometry.OffsetOf(end), bitmap.Geometry.SizeBytes) - offset;
        other.MarkBytes(offset, length);
        bitmap.UnionWith(other);
        for (var unit = 0L; unit < otherGeometry.BlockCount; unit++)
        {
            if (other[unit])
            {
                MarkTouched(shadow, bitmap.Geometry, otherGeometry.OffsetOf(unit), otherGeometry.LengthOf(unit));
            }
        }
    }

    private static DirtyBitmap Combine(Kind kind, DirtyBitmap bitmap, HashSet<long> shadow, long first, long end)
    {
        var other = new DirtyBitmap(bitmap.Geometry);
        other.MarkRange(first, end);
        switch (kind)
        {
            case Kind.Except:
                bitmap.ExceptWith(other);
                shadow.ExceptWith(Range(first, end));
                return bitmap;
            case Kind.Intersect:
                bitmap.IntersectWith(other);
                shadow.IntersectWith(Range(first, end));
                return bitmap;
            default:
                shadow.SymmetricExceptWith(Range(first, end));
                return bitmap.DifferenceFrom(other);
        }
    }

    /// <summary>Through the bytes of the tracking file, in pieces of three words.</summary>
    private static DirtyBitmap Reload(DirtyBitmap bitmap)
    {
        var copy = new DirtyBitmap(bitmap.Geometry);
        var bytes = new byte[3 * sizeof(ulong)];
        for (var word = 0; word < bitmap.WordCount; word += 3)
        {
            bitmap.ReadWords(word, bytes);
            copy.UnionWords(word, bytes);
        }

        return copy;
    }

    private static void Compare(DirtyBitmap bitmap, HashSet<long> shadow, int samples)
    {
        var sorted = shadow.Order().ToArray();
        Assert.Equal(sorted.Length, bitmap.Count());
        Assert.Equal(sorted.Length == 0, bitmap.IsEmpty());
        Assert.Equal(sorted, Walk(bitmap));
        Assert.Equal(RunsOf(sorted), bitmap.Runs());
        Assert.Equal(sorted.Sum(bitmap.Geometry.LengthOf), bitmap.Extents().Sum(e => e.Length));
        Assert.Equal(sorted, Walk(bitmap.Clone()));
        for (var block = 0L; block < bitmap.BlockCount; block += Math.Max(1, bitmap.BlockCount / samples))
        {
            Assert.Equal(shadow.Contains(block), bitmap[block]);
            var nextClear = Range(block, bitmap.BlockCount).FirstOrDefault(b => !shadow.Contains(b), bitmap.BlockCount);
            Assert.Equal(nextClear, bitmap.NextClear(block));
            var limit = block + 1 + ((bitmap.BlockCount - block - 1) / 2);
            var isSet = shadow.Contains(block);
            Assert.Equal((isSet, Range(block, limit).FirstOrDefault(b => shadow.Contains(b) != isSet, limit)), bitmap.RunAt(block, limit));
        }

        DirtyBitmapTests.AssertNoBitPastTheEnd(bitmap);
    }

    private static IEnumerable<long> Walk(DirtyBitmap bitmap)
    {
        for (var at = bitmap.NextSet(0); at >= 0; at = bitmap.NextSet(at + 1))
        {
            yield return at;
        }
    }

    private static List<(long, long)> RunsOf(long[] sorted)
    {
        var runs = new List<(long First, long End)>();
        foreach (var block in sorted)
        {
            if (runs.Count > 0 && runs[^1].End == block)
            {
                runs[^1] = (runs[^1].First, block + 1);
            }
            else
            {
                runs.Add((block, block + 1));
            }
        }

        return runs;
    }

    private static void MarkTouched(HashSet<long> shadow, BlockGeometry geometry, long offset, long length)
    {
        if (length > 0)
        {
            shadow.UnionWith(Range(offset / geometry.BlockBytes, ((offset + length - 1) / geometry.BlockBytes) + 1));
        }
    }

    private static IEnumerable<long> Range(long first, long end)
    {
        for (var at = first; at < end; at++)
        {
            yield return at;
        }
    }
}
