using ActorBackup.Core.Blocks;
using ActorBackup.Storage.Trees;

namespace ActorBackup.Storage.Writing;

/// <summary>One job's way into a repository. A failed pack fails every session that waited for a block of it, for good.</summary>
public sealed class BlockSession : IAsyncDisposable, INodeWriter
{
    private readonly RepositoryWriter _writer;
    private readonly IBlockObserver _observer;
    private readonly INodeReader _nodes;
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
        foreach (var pack in await _writer.PushAsync(this, cancellation).ConfigureAwait(false))
        {
            await pack.Done.WaitAsync(cancellation).ConfigureAwait(false);
        }

        ThrowIfFaulted();
    }

    public ValueTask WriteNodeAsync(BlockDigest digest, ReadOnlyMemory<byte> node, CancellationToken cancellation)
    {
        ThrowIfFaulted();
        return _writer.StoreNodeAsync(this, digest, node, cancellation);
    }

    public ValueTask<ReadOnlyMemory<byte>> ReadNodeAsync(BlockDigest digest, CancellationToken cancellation) =>
        _writer.TryReadPending(digest) is { } pending ? new ValueTask<ReadOnlyMemory<byte>>(pending) : _nodes.ReadNodeAsync(digest, cancellation);

    /// <summary>The observer hears nothing any more. Blocks on their way become durable or not; nobody counts on them.</summary>
    public ValueTask DisposeAsync()
    {
        _closed = true;
        return ValueTask.CompletedTask;
    }

    internal void Durable(long block, BlockDigest digest)
    {
        if (block >= 0 && !_closed)
        {
            _observer.Durable(block, digest);
        }
    }

    internal void Fail(Exception failure) => Interlocked.CompareExchange(ref _fault, failure, null);

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
