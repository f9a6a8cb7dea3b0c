using ActorBackup.Core.Blocks;
using ActorBackup.Storage.Trees;

namespace ActorBackup.Storage.Writing;

/// <summary>One job's way into a repository. A pack that fails is tried again while an observer wants that; a session that does not is failed for good.</summary>
public sealed class BlockSession : IAsyncDisposable, INodeWriter
{
    private const int NodeBatch = 64;

    private readonly RepositoryWriter _writer;
    private readonly IBlockObserver _observer;
    private readonly INodeReader _nodes;
    private readonly CancellationTokenSource _ended = new();
    // A look-up costs the same for one node as for many.
    private readonly Dictionary<BlockDigest, byte[]> _newNodes = [];
    private readonly TaskCompletionSource _failed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Exception? _fault;
    private volatile bool _closed;

    internal BlockSession(RepositoryWriter writer, IBlockObserver observer, INodeReader nodes)
    {
        (_writer, _observer, _nodes) = (writer, observer, nodes);
    }

    /// <summary>Why nothing more can be stored; null = all is well.</summary>
    public Exception? Fault => Volatile.Read(ref _fault);

    /// <summary>For the job's tree.</summary>
    public INodeWriter Nodes => this;

    /// <summary>Packs in which something of this session is not durable yet. Guarded by the writer's lock.</summary>
    internal HashSet<OpenPack> Packs { get; } = [];

    /// <summary>Stores at most 64 blocks. When it returns the buffers may be used again. Safe from several threads.</summary>
    /// <exception cref="StorageException">The repository failed; the session is of no use any more.</exception>
    public ValueTask<StoreResult> StoreAsync(ReadOnlyMemory<BlockToStore> batch, CancellationToken cancellation)
    {
        ThrowIfFaulted();
        return _writer.StoreAsync(this, batch, cancellation);
    }

    /// <summary>Completes when all that was stored before the call is durable, and the observer knows.</summary>
    /// <exception cref="StorageException">The repository failed.</exception>
    public async Task FlushAsync(CancellationToken cancellation)
    {
        ThrowIfFaulted();
        if (_writer.Guards.FlushNodes)
        {
            await StoreNodesAsync(cancellation).ConfigureAwait(false);
        }

        foreach (var pack in await _writer.PushAsync(this, cancellation).ConfigureAwait(false))
        {
            await WaitAsync(pack, cancellation).ConfigureAwait(false);
        }

        ThrowIfFaulted();
    }

    public ValueTask WriteNodeAsync(BlockDigest digest, ReadOnlyMemory<byte> node, CancellationToken cancellation)
    {
        ThrowIfFaulted();
        lock (_newNodes)
        {
            _newNodes.TryAdd(digest, node.ToArray());
            if (_newNodes.Count < NodeBatch)
            {
                return ValueTask.CompletedTask;
            }
        }

        return StoreNodesAsync(cancellation);
    }

    public ValueTask<ReadOnlyMemory<byte>> ReadNodeAsync(BlockDigest digest, CancellationToken cancellation) =>
        (TryReadNew(digest) ?? _writer.TryReadPending(digest)) is { } pending
            ? new ValueTask<ReadOnlyMemory<byte>>(pending)
            : _nodes.ReadNodeAsync(digest, cancellation);

    /// <summary>The observer hears nothing any more. Blocks on their way become durable or not; nobody counts on them.</summary>
    public async ValueTask DisposeAsync()
    {
        _closed = true;
        await _ended.CancelAsync().ConfigureAwait(false);
        _ended.Dispose();
    }

    private byte[]? TryReadNew(BlockDigest digest)
    {
        lock (_newNodes)
        {
            return _newNodes.GetValueOrDefault(digest);
        }
    }

    private async ValueTask StoreNodesAsync(CancellationToken cancellation)
    {
        KeyValuePair<BlockDigest, byte[]>[] batch;
        lock (_newNodes)
        {
            batch = [.. _newNodes];
        }

        if (batch.Length == 0)
        {
            return;
        }

        // They can be read here until they can be read there.
        await _writer.StoreNodesAsync(this, batch, cancellation).ConfigureAwait(false);
        lock (_newNodes)
        {
            foreach (var (digest, _) in batch)
            {
                _newNodes.Remove(digest);
            }
        }
    }

    /// <summary>It waits for packs and can be asked about them.</summary>
    internal bool IsAlive => !_closed && Fault is null;

    /// <summary>Whether to try a failed pack again. A session that does not want that is failed. Never throws.</summary>
    internal async Task<bool> WantsRetryAsync(StorageException failure, int failureCount)
    {
        try
        {
            if (IsAlive && await _observer.FailedAsync(failure, failureCount, _ended.Token).ConfigureAwait(false))
            {
                return true;
            }
        }
        catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
        {
            // It has ended.
        }

        Fail(failure);
        return false;
    }

    internal void Durable(long block, BlockDigest digest)
    {
        if (block >= 0 && !_closed)
        {
            _observer.Durable(block, digest);
        }
    }

    internal void Fail(Exception failure)
    {
        Interlocked.CompareExchange(ref _fault, failure, null);
        _failed.TrySetResult();
    }

    /// <summary>Waits for the pack, or until the session has failed: the pack may be tried for others still.</summary>
    internal async Task WaitAsync(OpenPack pack, CancellationToken cancellation) =>
        await Task.WhenAny(pack.Done, _failed.Task).WaitAsync(cancellation).ConfigureAwait(false);

    internal void ThrowIfFaulted()
    {
        switch (Fault)
        {
            case null:
                return;
            case StorageException e:
                throw new StorageException(e.Error, e.Message, e);
            case var other:
                throw new StorageException(StorageError.InputOutput, $"a pack could not be stored: {other.Message}", other);
        }
    }
}
