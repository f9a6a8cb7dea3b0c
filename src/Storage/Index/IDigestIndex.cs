using ActorBackup.Core.Blocks;
using ActorBackup.Core.Packs;

namespace ActorBackup.Storage.Index;

/// <summary>Which digests a repository holds, and where (rule 22). Behind it is an engine here, or the actors that own one.</summary>
/// <remarks>Safe from many threads. Failures are <see cref="StorageException"/>.</remarks>
public interface IDigestIndex
{
    /// <summary>Which of these are new? New ones are pending with the writer from now on. One answer per digest, in order.</summary>
    ValueTask<DigestAnswer[]> LookUpAsync(string writer, ReadOnlyMemory<BlockDigest> digests, CancellationToken cancellation);

    /// <summary>The pack is durable: from now on its blocks can be counted on.</summary>
    ValueTask RecordAsync(string pack, ReadOnlyMemory<PackedBlock> blocks, CancellationToken cancellation);

    /// <summary>The writer will not write these after all; all that is pending with it when there are none.</summary>
    ValueTask AbandonAsync(string writer, ReadOnlyMemory<BlockDigest> digests, CancellationToken cancellation);

    /// <summary>Where do these lie? One answer per digest, in order. Pending ones have no place yet.</summary>
    ValueTask<BlockPlace[]> LocateAsync(ReadOnlyMemory<BlockDigest> digests, CancellationToken cancellation);
}
