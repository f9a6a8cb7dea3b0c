using System.Buffers.Binary;
using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Blocks;

namespace ActorBackup.Core.Tests.Bitmaps;

public sealed class DirtyBitmapTests
{
    private const long Unit = 4096;

    [Fact]
    public void Two_bytes_across_a_boundary_mark_both_units()
    {
        var bitmap = Of(blocks: 8);

        bitmap.MarkBytes(offsetBytes: Unit - 1, lengthBytes: 2);

        Assert.Equal([(0, 2)], bitmap.Runs());
    }

    [Fact]
    public void An_empty_byte_range_marks_nothing()
    {
        var bitmap = Of(blocks: 8);

        bitmap.MarkBytes(offsetBytes: 100, lengthBytes: 0);

        Assert.True(bitmap.IsEmpty());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(63)]
    [InlineData(64)]
    [InlineData(65)]
    [InlineData(4095)]
    [InlineData(4096)]
    [InlineData(4097)]
    public void All_of_a_bitmap_is_exactly_its_units(int blocks)
    {
        var bitmap = Of(blocks);

        bitmap.MarkAll();

        Assert.Equal(blocks, bitmap.Count());
        Assert.Equal([(0, blocks)], bitmap.Runs());
        Assert.Equal(blocks, bitmap.NextClear(0));
        Assert.Equal(-1, bitmap.NextSet(blocks));
        AssertNoBitPastTheEnd(bitmap);

        bitmap.ClearAll();
        Assert.True(bitmap.IsEmpty());
        Assert.Equal(0, bitmap.Count());
    }

    [Fact]
    public void A_bitmap_of_an_empty_disk_has_nothing_to_say()
    {
        var bitmap = new DirtyBitmap(new BlockGeometry(0, Unit));

        bitmap.MarkAll();

        Assert.True(bitmap.IsEmpty());
        Assert.Equal(0, bitmap.Count());
        Assert.Equal(-1, bitmap.NextSet(0));
        Assert.Equal(0, bitmap.NextClear(0));
        Assert.Empty(bitmap.Extents());
    }

    [Fact]
    public void The_last_extent_ends_with_the_disk_but_the_count_is_in_whole_units()
    {
        var bitmap = new DirtyBitmap(new BlockGeometry((2 * Unit) + 512, Unit));

        bitmap.MarkBytes((2 * Unit) + 100, 1);

        Assert.Equal([new Extent(2 * Unit, 512)], bitmap.Extents());
        Assert.Equal(1, bitmap.Count());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(63)]
    [InlineData(64)]
    [InlineData(127)]
    [InlineData(4095)]
    [InlineData(4096)]
    [InlineData(9999)]
    public void Mark_and_clear_say_what_was_before(int block)
    {
        var bitmap = Of(blocks: 10_000);

        Assert.False(bitmap.Clear(block));
        Assert.True(bitmap.Mark(block));
        Assert.False(bitmap.Mark(block));
        Assert.True(bitmap[block]);
        Assert.Equal(block, bitmap.NextSet(0));
        Assert.True(bitmap.Clear(block));
        Assert.False(bitmap[block]);
        Assert.Equal(-1, bitmap.NextSet(0));
    }

    [Fact]
    public void Words_say_what_was_before_too()
    {
        var bitmap = Of(blocks: 128);

        Assert.Equal(0ul, bitmap.MarkWord(1, 0b1010));
        Assert.Equal(0b1010ul, bitmap.MarkWord(1, 0b0110));
        Assert.Equal(0b1110ul, bitmap.ClearWord(1, 0b0010));
        Assert.Equal(0b1100ul, bitmap.Word(1));
    }

    [Fact]
    public void Bits_past_the_end_in_stored_words_are_ignored()
    {
        var bitmap = Of(blocks: 70);
        var bytes = new byte[4 * sizeof(ulong)];
        bytes.AsSpan().Fill(0xff);

        bitmap.UnionWords(0, bytes);

        Assert.Equal(70, bitmap.Count());
        AssertNoBitPastTheEnd(bitmap);
    }

    [Fact]
    public void Words_are_stored_little_endian_and_zero_past_the_end()
    {
        var bitmap = Of(blocks: 65);
        bitmap.Mark(0);
        bitmap.Mark(64);
        var bytes = new byte[3 * sizeof(ulong)];
        bytes.AsSpan().Fill(0xff);

        bitmap.ReadWords(0, bytes);

        Assert.Equal(1ul, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
        Assert.Equal(1ul, BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(8)));
        Assert.Equal(0ul, BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(16)));
    }

    [Fact]
    public void Bitmaps_of_different_disk_sizes_do_not_merge()
    {
        var bitmap = Of(blocks: 8);

        Assert.Throws<ArgumentException>(() => bitmap.UnionWith(Of(blocks: 9)));
        Assert.True(bitmap.IsEmpty());
    }

    [Fact]
    public void Merging_a_bitmap_into_itself_changes_nothing()
    {
        var bitmap = Of(blocks: 200);
        bitmap.MarkRange(60, 130);

        bitmap.UnionWith(bitmap);

        Assert.Equal([(60, 130)], bitmap.Runs());
    }

    [Fact]
    public void A_clone_goes_its_own_way()
    {
        var bitmap = Of(blocks: 200);
        bitmap.Mark(7);
        var clone = bitmap.Clone();

        clone.Mark(8);
        bitmap.Clear(7);

        Assert.Equal([(7, 9)], clone.Runs());
        Assert.True(bitmap.IsEmpty());
    }

    internal static DirtyBitmap Of(int blocks, long unitBytes = Unit) => new(new BlockGeometry(blocks * unitBytes, unitBytes));

    internal static void AssertNoBitPastTheEnd(DirtyBitmap bitmap)
    {
        if (bitmap.WordCount == 0)
        {
            return;
        }

        var inLastWord = (int)(bitmap.BlockCount - ((bitmap.WordCount - 1L) * 64));
        if (inLastWord < 64)
        {
            Assert.Equal(0ul, bitmap.Word(bitmap.WordCount - 1) >> inLastWord);
        }
    }
}
