using System.Buffers;
using ActorBackup.Core.Blocks;
using ActorBackup.Storage.Points;
using ActorBackup.Storage.Reading;
using ActorBackup.Storage.Repositories;
using ActorBackup.Storage.Trees;

namespace ActorBackup.Storage.Verifying;

/// <summary>Bytes of a point's disk that cannot be read back, and why.</summary>
public readonly record struct DamagedExtent(Extent Extent, string Reason);

/// <summary>The blocks before this one are verified, with this damage, ascending.</summary>
public sealed record VerifyMark(long Block, IReadOnlyList<DamagedExtent> Damage)
{
    public static VerifyMark Beginning { get; } = new(0, []);
}

/// <summary>
/// Proves a point: every node of its tree is there and good, every block has a place in a pack that is there, every such pack has a good footer, so
/// that the next index finds it, too; of a share of the blocks also the bytes. Goes on past what is damaged.
/// </summary>
/// <param name="repository">That holds it.</param>
/// <param name="point">What to verify.</param>
/// <param name="percent">Share of the blocks whose bytes are read; chosen by digest, so that another run with the same share reads the same.</param>
/// <param name="progress">Bytes of blocks.</param>
public sealed class PointVerify(Repository repository, RecoveryPoint point, int percent, IReadProgress progress)
{
    private const int BatchBlocks = 64;

    /// <summary>Where it begins: what an earlier run over the same point has proved and found. Its damage lies before its block.</summary>
    public VerifyMark From { get; init; } = VerifyMark.Beginning;

    /// <summary>How far it is, also after it was cancelled: another run goes on from here.</summary>
    public VerifyMark Mark => new(_checked, [.. Joined().Where(d => d.Extent.Offset < point.Geometry.OffsetOf(_checked))]);

    private long _checked;

    private readonly Dictionary<string, string?> _packs = new(StringComparer.Ordinal);
    private readonly List<DamagedExtent> _damage = [];

    /// <returns>All damage, ascending, neighbours with one reason joined. None = the point is good.</returns>
    public async Task<IReadOnlyList<DamagedExtent>> RunAsync(CancellationToken cancellation)
    {
        // What was read before proves nothing about what is stored now.
        repository.ForgetNodes();
        progress.Total(point.SizeBytes);
        _checked = From.Block;
        _damage.AddRange(From.Damage);
        var buffer = ArrayPool<byte>.Shared.Rent(point.BlockBytes);
        try
        {
            var batch = new List<BlockEntry>(BatchBlocks);
            var next = 0L;
            await foreach (var met in ImageTreeAudit.WalkAsync(new TreeShape(point.Geometry), point.Root, new FindableNodes(repository, WhyUnusableAsync), cancellation).ConfigureAwait(false))
            {
                Say(next, met.Run.First);
                var isNew = met.Run.First >= next;
                next = Math.Max(next, met.Run.End);
                if (met.Failure is { } failure)
                {
                    var extent = Add(met.Run, failure);
                    progress.Done(isNew ? extent.Length : 0);
                    continue;
                }

                if (met.Run.First < From.Block)
                {
                    progress.Done(point.Geometry.LengthOf(met.Run.First));
                    continue;
                }

                batch.Add(new BlockEntry(met.Run.First, met.Digest));
                if (batch.Count == BatchBlocks)
                {
                    await CheckAsync(batch, buffer, cancellation).ConfigureAwait(false);
                    batch.Clear();
                }
            }

            Say(next, point.Geometry.BlockCount);
            await CheckAsync(batch, buffer, cancellation).ConfigureAwait(false);
            return Joined();
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private void Say(long firstBlock, long endBlock)
    {
        if (endBlock > firstBlock)
        {
            var bytes = Math.Min(point.SizeBytes, point.Geometry.OffsetOf(endBlock)) - point.Geometry.OffsetOf(firstBlock);
            progress.Zero(bytes);
            progress.Done(bytes);
        }
    }

    private async Task CheckAsync(List<BlockEntry> batch, byte[] buffer, CancellationToken cancellation)
    {
        if (batch.Count == 0)
        {
            return;
        }

        var places = await repository.Blocks.LocateManyAsync(batch.ConvertAll(e => e.Digest).ToArray(), cancellation).ConfigureAwait(false);
        var chosen = new List<int>(batch.Count);
        for (var i = 0; i < batch.Count; i++)
        {
            var (block, digest) = (batch[i].Block, batch[i].Digest);
            await progress.PaceAsync(IsChosen(digest) ? point.Geometry.LengthOf(block) : 0, cancellation).ConfigureAwait(false);
            if (places[i].Pack is not { } pack)
            {
                Add(new BlockRun(block, 1), $"block {digest} is in no pack");
            }
            else if (await WhyUnusableAsync(pack, cancellation).ConfigureAwait(false) is { } reason)
            {
                Add(new BlockRun(block, 1), reason);
            }
            else if (IsChosen(digest))
            {
                chosen.Add(i);
            }
        }

        await repository.Blocks.ReadManyAsync(
            chosen.ConvertAll(i => batch[i].Digest).ToArray(),
            [.. chosen.Select(i => places[i])],
            buffer.AsMemory(0, point.BlockBytes),
            stride: 0,
            point.BlockBytes,
            (n, failure) => Add(new BlockRun(batch[chosen[n]].Block, 1), failure.Message),
            cancellation).ConfigureAwait(false);
        progress.Done(batch.Sum(e => point.Geometry.LengthOf(e.Block)));
        _checked = batch[^1].Block + 1;
    }

    private bool IsChosen(BlockDigest digest) => digest.Prefix % 100 < percent;

    /// <summary>Each pack is looked at once: it is there, and its footer is good.</summary>
    private async ValueTask<string?> WhyUnusableAsync(string pack, CancellationToken cancellation)
    {
        if (_packs.TryGetValue(pack, out var known))
        {
            return known;
        }

        string? reason = null;
        try
        {
            await repository.Packs.ReadFooterAsync(pack, cancellation).ConfigureAwait(false);
        }
        catch (StorageException e)
        {
            reason = e.Message;
        }

        return _packs[pack] = reason;
    }

    private Extent Add(BlockRun run, string reason)
    {
        var offset = point.Geometry.OffsetOf(run.First);
        var extent = new Extent(offset, Math.Min(point.SizeBytes, point.Geometry.OffsetOf(run.End)) - offset);

        // What was found before is known.
        if (run.First >= From.Block)
        {
            _damage.Add(new DamagedExtent(extent, reason));
        }

        return extent;
    }

    private List<DamagedExtent> Joined()
    {
        var joined = new List<DamagedExtent>();
        foreach (var damage in _damage.OrderBy(d => d.Extent.Offset))
        {
            if (joined.Count > 0 && joined[^1] is var last && last.Extent.End == damage.Extent.Offset && last.Reason == damage.Reason)
            {
                joined[^1] = last with { Extent = new Extent(last.Extent.Offset, last.Extent.Length + damage.Extent.Length) };
            }
            else
            {
                joined.Add(damage);
            }
        }

        return joined;
    }

    /// <summary>Nodes that the next index will find again: a good node in a pack with a damaged footer is as good as lost.</summary>
    private sealed class FindableNodes(Repository repository, Func<string, CancellationToken, ValueTask<string?>> whyUnusable) : INodeReader
    {
        public async ValueTask<ReadOnlyMemory<byte>> ReadNodeAsync(BlockDigest digest, CancellationToken cancellation)
        {
            var node = await repository.Nodes.ReadNodeAsync(digest, cancellation).ConfigureAwait(false);
            var places = await repository.Blocks.LocateManyAsync(new[] { digest }, cancellation).ConfigureAwait(false);
            return places[0].Pack is { } pack && await whyUnusable(pack, cancellation).ConfigureAwait(false) is { } reason
                ? throw new StorageException(StorageError.Damaged, reason)
                : node;
        }
    }
}
