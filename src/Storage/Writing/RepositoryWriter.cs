using System.Buffers;
using System.Security.Cryptography;
using ActorBackup.Core.Blocks;
using ActorBackup.Core.Packs;
using ActorBackup.Storage.Compression;
using ActorBackup.Storage.Index;
using ActorBackup.Storage.Objects;
using ActorBackup.Storage.Packs;

namespace ActorBackup.Storage.Writing;

/// <summary>Takes blocks and tree nodes from any number of sessions into shared packs. One per repository and process.</summary>
/// <remarks>
/// A block is known three ways: durable (the index says so), pending here (in a pack that is being filled or put; whoever brings it again waits
/// for that pack), or new. An observer hears of a block only after its pack was put and recorded. Two workers that bring the same new block at
/// once may both write it; that costs its bytes and nothing else.
/// </remarks>
public sealed class RepositoryWriter : IDisposable
{
    /// <summary>One is being put while the next one fills: that keeps any device busy that is slower than the compression.</summary>
    private const int DataPacksInFlight = 1;
    private const int TreePacksInFlight = 1;
    private const int PutTries = 3;
    private const int NamesMax = 8;
    private const int WaitersMax = 64 * 1024;

    private static readonly TimeSpan FirstBackOff = TimeSpan.FromMilliseconds(200);

    private readonly IObjectStore _store;
    private readonly IDigestIndex _index;
    private readonly TimeProvider _clock;
    private readonly WriterGuards _guards;
    private readonly string _name = "writer-" + Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8));
    private readonly Lock _lock = new();
    private readonly Dictionary<BlockDigest, (OpenPack Pack, int Index)> _pending = [];
    private readonly PackLane _data;
    private readonly PackLane _trees;

    public RepositoryWriter(IObjectStore store, IDigestIndex index, TimeProvider clock)
        : this(store, index, clock, PackBuilder.TargetBytes, WriterGuards.On)
    {
    }

    /// <param name="store">Gets the packs.</param>
    /// <param name="index">Says which blocks are there.</param>
    /// <param name="clock">For back-off.</param>
    /// <param name="packBytes">When a pack is full.</param>
    /// <param name="guards">Against losing blocks.</param>
    internal RepositoryWriter(IObjectStore store, IDigestIndex index, TimeProvider clock, int packBytes, WriterGuards guards)
    {
        (_store, _index, _clock, _guards) = (store, index, clock, guards);
        _data = new PackLane(PackKind.Data, DataPacksInFlight, packBytes);
        _trees = new PackLane(PackKind.Tree, TreePacksInFlight, packBytes);
    }

    /// <summary>Blocks and nodes that wait for their pack.</summary>
    public int PendingCount
    {
        get
        {
            lock (_lock)
            {
                return _pending.Count;
            }
        }
    }

    public BlockSession StartSession(IBlockObserver observer, Trees.INodeReader nodes) => new(this, observer, nodes);

    internal WriterGuards Guards => _guards;

    public void Dispose()
    {
        _data.Dispose();
        _trees.Dispose();
    }

    internal async ValueTask<StoreResult> StoreAsync(BlockSession session, ReadOnlyMemory<BlockToStore> batch, CancellationToken cancellation)
    {
        var digests = new BlockDigest[batch.Length];
        for (var i = 0; i < digests.Length; i++)
        {
            digests[i] = batch.Span[i].Digest;
        }

        var answers = await _index.LookUpAsync(_name, digests, cancellation).ConfigureAwait(false);
        var sent = 0L;
        var reused = 0L;
        for (var i = 0; i < digests.Length; i++)
        {
            var block = batch.Span[i];
            if (answers[i].Status == DigestStatus.Durable)
            {
                session.Durable(block.Block, block.Digest);
                reused += block.Plain.Length;
            }
            else if (TryJoin(session, block.Block, block.Digest) is { } pack)
            {
                reused += block.Plain.Length;
                await BoundWaitersAsync(session, pack, cancellation).ConfigureAwait(false);
            }
            else
            {
                sent += await WriteAsync(session, block, digests, answers, i, cancellation).ConfigureAwait(false);
            }
        }

        return new StoreResult(sent, reused);
    }

    internal async ValueTask StoreNodesAsync(BlockSession session, KeyValuePair<BlockDigest, byte[]>[] nodes, CancellationToken cancellation)
    {
        var digests = Array.ConvertAll(nodes, n => n.Key);
        var answers = await _index.LookUpAsync(_name, digests, cancellation).ConfigureAwait(false);
        for (var i = 0; i < nodes.Length; i++)
        {
            var (digest, node) = nodes[i];
            if (answers[i].Status == DigestStatus.Durable || TryJoin(session, -1, digest) is not null)
            {
                continue;
            }

            try
            {
                // A node is digests: there is nothing to compress.
                await AppendAsync(_trees, session, -1, digest, node, BlockCompression.None, node.Length, cancellation).ConfigureAwait(false);
            }
            catch
            {
                await AbandonAsync(Given(digests, answers, i)).ConfigureAwait(false);
                throw;
            }
        }
    }

    /// <summary>The node's bytes if it is pending here.</summary>
    internal byte[]? TryReadPending(BlockDigest digest)
    {
        lock (_lock)
        {
            return _pending.TryGetValue(digest, out var place)
                ? place.Pack.Builder.StoredBytes(place.Pack.Builder.BlockAt(place.Index)).ToArray()
                : null;
        }
    }

    /// <summary>Puts the packs that are being filled if the session waits for something in them. Returns all packs that it waits for.</summary>
    internal async Task<IReadOnlyList<OpenPack>> PushAsync(BlockSession session, CancellationToken cancellation)
    {
        OpenPack[] packs;
        lock (_lock)
        {
            packs = [.. session.Packs];
        }

        foreach (var lane in new[] { _data, _trees })
        {
            foreach (var pack in packs)
            {
                await RotateAsync(lane, pack, cancellation).ConfigureAwait(false);
            }
        }

        return packs;
    }

    /// <summary>Waits for a pack that holds the block already. Null = no such pack.</summary>
    private OpenPack? TryJoin(BlockSession session, long block, BlockDigest digest)
    {
        lock (_lock)
        {
            if (!_pending.TryGetValue(digest, out var place))
            {
                return null;
            }

            if (!_guards.WaitForPending)
            {
                session.Durable(block, digest);
                return place.Pack;
            }

            place.Pack.Waiters.Add(new Waiter(session, block, digest));
            place.Pack.Joined?.TrySetResult();
            session.Packs.Add(place.Pack);
            return place.Pack;
        }
    }

    /// <summary>A disk may hold one block millions of times: those who wait for a pack must not outgrow it.</summary>
    private async ValueTask BoundWaitersAsync(BlockSession session, OpenPack pack, CancellationToken cancellation)
    {
        if (pack.Waiters.Count >= WaitersMax)
        {
            await RotateAsync(_data, pack, cancellation).ConfigureAwait(false);
            await session.WaitAsync(pack, cancellation).ConfigureAwait(false);
        }
    }

    private async ValueTask<int> WriteAsync(
        BlockSession session, BlockToStore block, BlockDigest[] digests, DigestAnswer[] answers, int position, CancellationToken cancellation)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(BlockCompressor.BoundOf(block.Plain.Length));
        try
        {
            var length = BlockCompressor.Compress(block.Plain.Span, buffer);
            var (stored, compression) = length > 0
                ? (buffer.AsMemory(0, length), BlockCompression.Zstd)
                : (block.Plain, BlockCompression.None);
            await AppendAsync(_data, session, block.Block, block.Digest, stored, compression, block.Plain.Length, cancellation).ConfigureAwait(false);
            return stored.Length;
        }
        catch
        {
            // Somebody else may write it.
            await AbandonAsync(Given(digests, answers, position)).ConfigureAwait(false);
            throw;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private async ValueTask AppendAsync(
        PackLane lane,
        BlockSession session,
        long block,
        BlockDigest digest,
        ReadOnlyMemory<byte> stored,
        BlockCompression compression,
        int plainBytes,
        CancellationToken cancellation)
    {
        while (true)
        {
            session.ThrowIfFaulted();
            OpenPack open;
            lock (_lock)
            {
                open = lane.Open;
                if (open.Builder.TryAdd(digest, stored.Span, compression, plainBytes))
                {
                    _pending[digest] = (open, open.Builder.Count - 1);
                    open.Waiters.Add(new Waiter(session, block, digest));
                    session.Packs.Add(open);
                    return;
                }
            }

            await RotateAsync(lane, open, cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>Sends the pack on its way if it is the one that is being filled. Waits while too many are on theirs.</summary>
    private async ValueTask RotateAsync(PackLane lane, OpenPack full, CancellationToken cancellation)
    {
        lock (_lock)
        {
            if (lane.Open != full || full.Builder.Count == 0)
            {
                return;
            }
        }

        await lane.Slots.WaitAsync(cancellation).ConfigureAwait(false);
        lock (_lock)
        {
            if (lane.Open != full)
            {
                lane.Slots.Release();
                return;
            }

            lane.Replace();
        }

        _ = Task.Run(() => SendAsync(lane, full), CancellationToken.None);
    }

    /// <summary>Makes the pack durable, then known, then tells who waits. Never throws.</summary>
    private async Task SendAsync(PackLane lane, OpenPack pack)
    {
        var digests = DigestsOf(pack.Builder);
        if (!_guards.PutBeforeDurable)
        {
            pack.Waiters.ForEach(static w => w.Session.Durable(w.Block, w.Digest));
        }

        var failure = await TryStoreAsync(pack.Builder).ConfigureAwait(false);
        for (var failures = 1; failure is StorageException e && await MayRetryAsync(lane, pack, e, failures).ConfigureAwait(false); failures++)
        {
            failure = await TryStoreAsync(pack.Builder).ConfigureAwait(false);
        }

        if (failure is not null)
        {
            await AbandonAsync(digests).ConfigureAwait(false);
        }

        // Waiters join under the lock while the digest is pending here, so this takes the last of them.
        lock (_lock)
        {
            foreach (var digest in digests)
            {
                if (_pending.TryGetValue(digest, out var place) && place.Pack == pack)
                {
                    _pending.Remove(digest);
                }
            }
        }

        foreach (var waiter in pack.Waiters)
        {
            if (failure is null && _guards.PutBeforeDurable)
            {
                waiter.Session.Durable(waiter.Block, waiter.Digest);
            }
            else if (failure is not null && _guards.FailWhoWaits)
            {
                waiter.Session.Fail(failure);
            }
        }

        lock (_lock)
        {
            foreach (var waiter in pack.Waiters)
            {
                waiter.Session.Packs.Remove(pack);
            }

            lane.Return(pack.Builder);
        }

        pack.Complete();
        lane.Slots.Release();
    }

    /// <summary>Null = durable and known.</summary>
    private async Task<Exception?> TryStoreAsync(PackBuilder builder)
    {
        try
        {
            if (!_guards.PutBeforeRecord && builder.Seal() is var unsent)
            {
                await _index.RecordAsync(unsent.Key, unsent.Blocks, CancellationToken.None).ConfigureAwait(false);
            }

            var sealedPack = await PutAsync(builder).ConfigureAwait(false);
            await _index.RecordAsync(sealedPack.Key, sealedPack.Blocks, CancellationToken.None).ConfigureAwait(false);
            return null;
        }
        catch (Exception e)
        {
            return e;
        }
    }

    /// <summary>
    /// Asks the sessions that wait for the pack. One that wants another try, or somebody new who has not been asked, brings it; the others wait or fail
    /// for themselves. Meanwhile the pack holds up no other of its lane.
    /// </summary>
    private async Task<bool> MayRetryAsync(PackLane lane, OpenPack pack, StorageException failure, int failureCount)
    {
        BlockSession[] sessions;
        Task joined;
        lock (_lock)
        {
            sessions = [.. pack.Waiters.Select(w => w.Session).Where(s => s.IsAlive).Distinct()];
            pack.Joined = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            joined = pack.Joined.Task;
        }

        lane.Slots.Release();
        var asked = sessions.Select(s => s.WantsRetryAsync(failure, failureCount)).ToList();
        var isWanted = false;
        while (asked.Count > 0 && !isWanted)
        {
            var ended = await Task.WhenAny([joined, .. asked]).ConfigureAwait(false);
            isWanted = ended == joined || (ended is Task<bool> answer && asked.Remove(answer) && await answer.ConfigureAwait(false));
        }

        lock (_lock)
        {
            pack.Joined = null;
        }

        await lane.Slots.WaitAsync().ConfigureAwait(false);
        return isWanted;
    }

    /// <summary>Makes a pack of the builder's blocks durable. A damaged object where it would lie stays there: others may need what is good in it.</summary>
    private async Task<SealedPack> PutAsync(PackBuilder builder)
    {
        for (var padding = 0; padding < NamesMax; padding++)
        {
            var pack = builder.Seal(padding);
            if (await TryPutAsync(pack).ConfigureAwait(false) || !_guards.CompareWhatIsThere || await IsStoredAsync(pack).ConfigureAwait(false))
            {
                return pack;
            }
        }

        throw new StorageException(StorageError.Damaged, $"{_store.Url} holds {NamesMax} damaged objects under the names that a pack could have; check the disk");
    }

    /// <summary>False = something is there by that name.</summary>
    private async Task<bool> TryPutAsync(SealedPack pack)
    {
        var backOff = FirstBackOff;
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await _store.PutIfAbsentAsync(pack.Key, pack.Bytes, CancellationToken.None).ConfigureAwait(false);
            }
            catch (StorageException e) when (e.Error == StorageError.InputOutput && attempt < PutTries)
            {
                await Task.Delay(backOff, _clock, CancellationToken.None).ConfigureAwait(false);
                backOff *= 2;
            }
        }
    }

    /// <summary>Whether the object by that name still is the pack that it was: only then can its blocks be counted on (rule 22).</summary>
    private async Task<bool> IsStoredAsync(SealedPack pack)
    {
        try
        {
            var stored = await _store.TryGetAsync(pack.Key, pack.Bytes.Length, CancellationToken.None).ConfigureAwait(false);
            return stored is not null && stored.AsSpan().SequenceEqual(pack.Bytes.Span);
        }
        catch (StorageException)
        {
            return false;
        }
    }

    /// <summary>What a look-up gave us to write, from a position on.</summary>
    private static BlockDigest[] Given(BlockDigest[] digests, DigestAnswer[] answers, int position) =>
        [.. Enumerable.Range(position, digests.Length - position).Where(i => answers[i].Status == DigestStatus.New).Select(i => digests[i])];

    private async ValueTask AbandonAsync(BlockDigest[] digests)
    {
        if (digests.Length == 0)
        {
            return;
        }

        try
        {
            await _index.AbandonAsync(_name, digests, CancellationToken.None).ConfigureAwait(false);
        }
        catch (Exception e) when (e is StorageException or OperationCanceledException)
        {
            // They stay pending with this writer, which then writes them itself when they come again.
        }
    }

    private static BlockDigest[] DigestsOf(PackBuilder pack)
    {
        var digests = new BlockDigest[pack.Count];
        for (var i = 0; i < digests.Length; i++)
        {
            digests[i] = pack.BlockAt(i).Digest;
        }

        return digests;
    }
}
