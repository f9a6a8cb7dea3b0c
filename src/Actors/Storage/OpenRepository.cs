using ActorBackup.Actors.Index;
using ActorBackup.Core.Blocks;
using ActorBackup.Messages;
using ActorBackup.Messages.Catalog;
using ActorBackup.Storage.Points;
using ActorBackup.Storage.Reading;
using ActorBackup.Storage.Repositories;

namespace ActorBackup.Actors.Storage;

/// <summary>A repository's data plane on this node, which its jobs use by reference.</summary>
public sealed class OpenRepository(RegisteredRepository registered, Repository data, IndexActorClient index)
{
    private readonly SharedBlocks _blocks = new(data);

    public string Name { get; } = registered.Name.Value;

    public Repository Data { get; } = data;

    /// <summary>The point's disk, read-only. All of them share one cache.</summary>
    public IBlockDevice DeviceOf(RecoveryPoint point) => new PointDevice(Data, point, _blocks);

    /// <summary>Byte ranges in which the points differ.</summary>
    public Task<IReadOnlyList<Extent>> DiffAsync(RecoveryPoint a, RecoveryPoint b, CancellationToken cancellation) =>
        Data.DiffAsync(a, b, cancellation);

    /// <summary>Builds the index anew from the packs.</summary>
    public Task ReindexAsync() => index.ReloadAsync();

    /// <summary>Proves that the repository is there now and is the one that was attached.</summary>
    /// <exception cref="RefusedException">It is another one.</exception>
    public async Task EnsureAvailableAsync()
    {
        var manifest = await RepositoryManifest.ReadAsync(Data.Objects, CancellationToken.None).ConfigureAwait(false);
        if (manifest.Id != registered.RepositoryId)
        {
            throw new RefusedException(new Refusal(
                RefusalCode.NotARepository, $"{registered.Url} holds repository {manifest.Id} now, not {registered.RepositoryId}; detach '{Name}' and attach what is there"));
        }
    }
}
