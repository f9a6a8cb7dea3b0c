using ActorBackup.Core.Blocks;
using ActorBackup.Core.Packs;
using ActorBackup.Storage.Index;
using ActorBackup.Storage.Tests.Support;
using CsCheck;

namespace ActorBackup.Storage.Tests.Index;

public sealed class DigestIndexTests
{
    private static readonly string[] Names = ["a", "b", "c"];

    private enum Kind
    {
        LookUp,
        Record,
        Abandon,
        AbandonAll,
        ForgetPack,
        Replace,
    }

    private sealed record Operation(Kind Kind, int Name, int[] Digests);

    private static readonly Gen<Operation> Operations = Gen.Select(
        Gen.Frequency(
            (8, Gen.Const(Kind.LookUp)),
            (5, Gen.Const(Kind.Record)),
            (4, Gen.Const(Kind.Abandon)),
            (1, Gen.Const(Kind.AbandonAll)),
            (1, Gen.Const(Kind.ForgetPack)),
            (1, Gen.Const(Kind.Replace))),
        Gen.Int[0, 2],
        Gen.Int[0, 99].Array[1, 12],
        (kind, name, digests) => new Operation(kind, name, digests));

    [Fact]
    public void The_index_agrees_with_a_dictionary_after_every_operation() =>
        Operations.List[1, 60].Sample(operations =>
        {
            var index = new DigestIndex();
            var shadow = new Dictionary<int, (bool IsDurable, string Owner)>();
            foreach (var (kind, name, numbers) in operations)
            {
                var digests = numbers.Select(Colliding).ToArray();
                switch (kind)
                {
                    case Kind.LookUp:
                        Assert.Equal(numbers.Select(n => LookUp(shadow, Names[name], n)), index.LookUp(Names[name], digests));
                        break;
                    case Kind.Record:
                        index.Record(Names[name], numbers.Select(BlockOf).ToArray());
                        foreach (var n in numbers.Where(n => !(shadow.TryGetValue(n, out var known) && known.IsDurable)))
                        {
                            shadow[n] = (true, Names[name]);
                        }

                        break;
                    case Kind.Abandon:
                        index.Abandon(Names[name], digests);
                        Remove(shadow, (n, e) => numbers.Contains(n) && !e.IsDurable && e.Owner == Names[name]);
                        break;
                    case Kind.AbandonAll:
                        index.Abandon(Names[name], []);
                        Remove(shadow, (_, e) => !e.IsDurable && e.Owner == Names[name]);
                        break;
                    case Kind.ForgetPack:
                        index.ForgetPack(Names[name]);
                        Remove(shadow, (_, e) => e.IsDurable && e.Owner == Names[name]);
                        break;
                    default:
                        index = Replaced(index, shadow);
                        break;
                }

                Assert.Equal(shadow.Count, index.Count);
                Assert.Equal(Enumerable.Range(0, 100).Select(n => PlaceOf(shadow, n)), index.Locate([.. Enumerable.Range(0, 100).Select(Colliding)]));
            }
        });

    [Fact]
    public void A_digest_is_new_once_then_pending_with_who_asked_first_then_durable()
    {
        var index = new DigestIndex();
        BlockDigest[] digest = [Content.Digest(1)];

        Assert.Equal([new DigestAnswer(DigestStatus.New, null)], index.LookUp("a", digest));
        Assert.Equal([new DigestAnswer(DigestStatus.Pending, "a")], index.LookUp("b", digest));
        Assert.Equal([new DigestAnswer(DigestStatus.Pending, "a")], index.LookUp("a", digest));
        Assert.Null(index.Locate(digest)[0].Pack);

        index.Record("pack", [new PackedBlock(digest[0], BlockCompression.Zstd, 16, 5, 10)]);
        Assert.Equal([new DigestAnswer(DigestStatus.Durable, null)], index.LookUp("b", digest));
        Assert.Equal(new BlockPlace("pack", new PackedBlock(digest[0], BlockCompression.Zstd, 16, 5, 10)), index.Locate(digest)[0]);
    }

    [Fact]
    public void What_another_writer_abandons_stays_pending_with_its_writer()
    {
        var index = new DigestIndex();
        index.LookUp("a", [Content.Digest(1)]);

        index.Abandon("b", [Content.Digest(1)]);
        index.Abandon("b", []);
        index.Abandon("nobody", []);

        Assert.Equal(DigestStatus.Pending, index.LookUp("c", [Content.Digest(1)])[0].Status);
        index.Abandon("a", [Content.Digest(1)]);
        Assert.Equal(DigestStatus.New, index.LookUp("c", [Content.Digest(1)])[0].Status);
    }

    [Fact]
    public void Beyond_its_bound_the_index_refuses_and_keeps_what_it_has()
    {
        const int Max = 5000;
        var index = new DigestIndex(Max);
        var digests = Enumerable.Range(0, Max).Select(Content.Digest).ToArray();
        index.LookUp("a", digests);

        Assert.Equal(StorageError.IndexFull, Assert.Throws<StorageException>(() => index.LookUp("a", [Content.Digest(-1)])).Error);
        Assert.Equal(StorageError.IndexFull, Assert.Throws<StorageException>(() => index.Record("p", [BlockOf(1)])).Error);

        Assert.Equal(Max, index.Count);
        Assert.InRange(index.MemoryBytes, 0, 2L * Max * DigestIndex.EntryBytes);
        Assert.All(index.LookUp("b", digests), a => Assert.Equal("a", a.Writer));
        index.Record("p", [.. digests.Select(d => new PackedBlock(d, BlockCompression.None, 16, 1, 1))]);
        Assert.All(index.LookUp("b", digests), a => Assert.Equal(DigestStatus.Durable, a.Status));
        index.ForgetPack("p");
        Assert.Equal(0, index.Count);
        Assert.Equal(DigestStatus.New, index.LookUp("a", [Content.Digest(-1)])[0].Status);
    }

    [Theory]
    [InlineData(0x0000, 4, 0)]
    [InlineData(0x3fff, 4, 0)]
    [InlineData(0x4000, 4, 1)]
    [InlineData(0xffff, 4, 3)]
    [InlineData(0xffff, 1, 0)]
    [InlineData(0xabcd, 65536, 0xabcd)]
    public void A_partition_is_the_top_of_the_digest(int prefix, int count, int partition)
    {
        var bytes = new byte[32];
        (bytes[0], bytes[1], bytes[31]) = ((byte)(prefix >> 8), (byte)prefix, 1);

        Assert.Equal(partition, DigestPartition.Of(new BlockDigest(bytes), count));
    }

    /// <summary>Few slots for many digests, across the table's end: long runs to probe and gaps to close.</summary>
    private static BlockDigest Colliding(int number)
    {
        var bytes = new byte[32];
        bytes[0] = (byte)(number + 1);
        BitConverter.GetBytes(1020L + (number % 7)).CopyTo(bytes, 8);
        return new BlockDigest(bytes);
    }

    private static PackedBlock BlockOf(int number) => new(Colliding(number), BlockCompression.Zstd, 16 + (uint)number, 1 + (uint)number, 4096);

    private static DigestAnswer LookUp(Dictionary<int, (bool IsDurable, string Owner)> shadow, string writer, int number)
    {
        if (shadow.TryAdd(number, (false, writer)))
        {
            return new DigestAnswer(DigestStatus.New, null);
        }

        return shadow[number].IsDurable ? new DigestAnswer(DigestStatus.Durable, null) : new DigestAnswer(DigestStatus.Pending, shadow[number].Owner);
    }

    private static BlockPlace PlaceOf(Dictionary<int, (bool IsDurable, string Owner)> shadow, int number) =>
        shadow.TryGetValue(number, out var e) && e.IsDurable ? new BlockPlace(e.Owner, BlockOf(number)) : default;

    private static void Remove(Dictionary<int, (bool IsDurable, string Owner)> shadow, Func<int, (bool IsDurable, string Owner), bool> goes)
    {
        foreach (var (number, entry) in shadow.ToList())
        {
            if (goes(number, entry))
            {
                shadow.Remove(number);
            }
        }
    }

    /// <summary>As a reload does: what is durable comes from the packs, what is pending from the old index.</summary>
    private static DigestIndex Replaced(DigestIndex old, Dictionary<int, (bool IsDurable, string Owner)> shadow)
    {
        var index = new DigestIndex();
        foreach (var (number, entry) in shadow.Where(e => e.Value.IsDurable))
        {
            index.Record(entry.Owner, [BlockOf(number)]);
        }

        index.AdoptPending(old);
        return index;
    }
}
