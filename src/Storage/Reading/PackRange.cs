using ActorBackup.Core.Packs;

namespace ActorBackup.Storage.Reading;

/// <summary>Bytes of a pack that one read fetches, for one or several blocks.</summary>
/// <param name="Pack">Null = nobody knows where its blocks lie.</param>
/// <param name="Offset">In the pack.</param>
/// <param name="Length">In bytes.</param>
/// <param name="Blocks">Which of the places that were given lie in it.</param>
internal readonly record struct PackRange(string? Pack, long Offset, int Length, ArraySegment<int> Blocks)
{
    /// <summary>Large enough that the calls do not count beside the bytes; a read for each processor must be affordable.</summary>
    public const int BytesMax = 1024 * 1024;

    /// <summary>By pack and offset; read over is no more than half of the block before it. A block that is longer than <see cref="BytesMax"/> is a range of its own.</summary>
    public static List<PackRange> Of(BlockPlace[] places)
    {
        var order = new int[places.Length];
        for (var i = 0; i < order.Length; i++)
        {
            order[i] = i;
        }

        Array.Sort(order, (a, b) => string.CompareOrdinal(places[a].Pack, places[b].Pack) is not 0 and var byPack ? byPack : places[a].Block.Offset.CompareTo(places[b].Block.Offset));
        var ranges = new List<PackRange>();
        for (var from = 0; from < order.Length;)
        {
            var (pack, first) = places[order[from]];
            var (to, end) = (from + 1, EndOf(first));
            while (to < order.Length
                && places[order[to]] is var (next, block)
                && next == pack
                && block.Offset <= end + (places[order[to - 1]].Block.StoredLength / 2)
                && EndOf(block) <= first.Offset + BytesMax)
            {
                end = Math.Max(end, EndOf(block));
                to++;
            }

            ranges.Add(new PackRange(pack, first.Offset, (int)(end - first.Offset), new ArraySegment<int>(order, from, to - from)));
            from = to;
        }

        return ranges;
    }

    private static long EndOf(PackedBlock block) => block.Offset + (long)block.StoredLength;
}
