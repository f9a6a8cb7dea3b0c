using ActorBackup.Core.Blocks;
using ActorBackup.Core.Packs;

namespace ActorBackup.Storage.Index;

/// <summary>A whole repository's index in one place, behind a lock: for tools and tests.</summary>
public sealed class LocalDigestIndex(DigestIndex engine) : IDigestIndex
{
    private readonly Lock _lock = new();

    public LocalDigestIndex()
        : this(new DigestIndex())
    {
    }

    public ValueTask<DigestAnswer[]> LookUpAsync(string writer, ReadOnlyMemory<BlockDigest> digests, CancellationToken cancellation)
    {
        lock (_lock)
        {
            return new ValueTask<DigestAnswer[]>(engine.LookUp(writer, digests.Span));
        }
    }

    public ValueTask RecordAsync(string pack, ReadOnlyMemory<PackedBlock> blocks, CancellationToken cancellation)
    {
        lock (_lock)
        {
            engine.Record(pack, blocks.Span);
            return ValueTask.CompletedTask;
        }
    }

    public ValueTask AbandonAsync(string writer, ReadOnlyMemory<BlockDigest> digests, CancellationToken cancellation)
    {
        lock (_lock)
        {
            engine.Abandon(writer, digests.Span);
            return ValueTask.CompletedTask;
        }
    }

    public ValueTask<BlockPlace[]> LocateAsync(ReadOnlyMemory<BlockDigest> digests, CancellationToken cancellation)
    {
        lock (_lock)
        {
            return new ValueTask<BlockPlace[]>(engine.Locate(digests.Span));
        }
    }
}
