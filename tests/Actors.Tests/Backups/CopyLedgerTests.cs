using ActorBackup.Actors.Backups;
using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Blocks;

namespace ActorBackup.Actors.Tests.Backups;

public class CopyLedgerTests
{
    private static readonly BlockGeometry Geometry = new(100 * 4096, 4096);

    [Fact]
    public void What_is_taken_matches_the_copy_bitmap_that_goes_with_it()
    {
        var ledger = new CopyLedger(All(), keepZeroes: true);
        ledger.Durable(7, DigestOf(7));
        ledger.Zero(20, 30);
        ledger.Durable(3, DigestOf(3));

        var (changes, copy) = ledger.Take();

        Assert.Equal([3, 7, 20], changes.Select(c => c.FirstBlock));
        Assert.Equal(30, changes[2].Count);
        Assert.True(changes[2].Digest.IsNone);
        Assert.Equal(100 - 32, copy.Count());
        Assert.False(copy[3] || copy[7] || copy[20] || copy[49]);
    }

    [Fact]
    public void Changes_after_taking_belong_to_the_next_take()
    {
        var ledger = new CopyLedger(All(), keepZeroes: true);
        ledger.Durable(1, DigestOf(1));
        var (_, copy) = ledger.Take();

        ledger.Durable(2, DigestOf(2));

        Assert.True(copy[2]);
        Assert.False(ledger.CopyBitmap[2]);
        Assert.Equal([2], ledger.Take().Changes.Select(c => c.FirstBlock));
    }

    [Fact]
    public void What_is_put_back_comes_again_in_order()
    {
        var ledger = new CopyLedger(All(), keepZeroes: true);
        ledger.Durable(9, DigestOf(9));
        var (taken, _) = ledger.Take();
        ledger.Durable(4, DigestOf(4));

        ledger.PutBack(taken);

        Assert.Equal([4, 9], ledger.Take().Changes.Select(c => c.FirstBlock));
    }

    [Fact]
    public void Over_nothing_zeroes_need_no_change()
    {
        var ledger = new CopyLedger(All(), keepZeroes: false);
        ledger.Zero(0, 100);

        var (changes, copy) = ledger.Take();

        Assert.Empty(changes);
        Assert.True(copy.IsEmpty());
    }

    private static DirtyBitmap All()
    {
        var all = new DirtyBitmap(Geometry);
        all.MarkAll();
        return all;
    }

    private static BlockDigest DigestOf(byte value) => new(Enumerable.Repeat(value, BlockDigest.SizeBytes).ToArray());
}
