using System.Collections.Concurrent;
using ActorBackup.Actors;
using ActorBackup.Actors.Index;
using ActorBackup.Actors.Storage;
using ActorBackup.Core.Identity;
using ActorBackup.Files;
using ActorBackup.Messages;
using ActorBackup.Messages.Catalog;
using ActorBackup.Messages.Storage;
using ActorBackup.Storage.Index;
using ActorBackup.Storage.Objects;
using ActorBackup.Storage.Repositories;
using Akka.Actor;

namespace ActorBackup.Recovery.Tests.Support;

/// <summary>The machine's repositories as one process opens them: the real ones, with an index that is read from the packs.</summary>
internal sealed class MachineRepositories(IFileLayer files, TimeProvider clock) : IRepositories
{
    private readonly ConcurrentDictionary<string, Task<OpenRepository>> _open = new(StringComparer.Ordinal);

    /// <summary>By repository id.</summary>
    public required IReadOnlyDictionary<string, RepositoryName> Names { get; init; }

    /// <summary>Ids of those that are not attached now.</summary>
    public HashSet<string> Detached { get; } = new(StringComparer.Ordinal);

    public static string DirectoryOf(RepositoryName name) => $"/{name}";

    public async Task<OpenRepository> OpenAsync(string repositoryId)
    {
        if (!Names.TryGetValue(repositoryId, out var name) || Detached.Contains(repositoryId))
        {
            throw new RefusedException(new Refusal(RefusalCode.UnknownRepository, $"repository {repositoryId} is not attached"));
        }

        var opening = _open.GetOrAdd(repositoryId, _ => OpenAsync(repositoryId, name));
        try
        {
            return await opening;
        }
        catch
        {
            _open.TryRemove(KeyValuePair.Create(repositoryId, opening));
            throw;
        }
    }

    public Task<StorageReply> AskAsync(RegisteredRepository repository, StorageCommand command) => throw new NotSupportedException();

    private async Task<OpenRepository> OpenAsync(string id, RepositoryName name)
    {
        var url = DirectoryOf(name);
        var index = new DigestIndex();
        using (var objects = new FileObjectStore(files, url, url, RepositoryManifest.Key))
        {
            await IndexLoader.LoadAsync(objects, f => index.Record(f.Key, f.Blocks), CancellationToken.None);
        }

        var data = await Repository.OpenAsync(files, url, new LocalDigestIndex(index), clock, CancellationToken.None);
        return new OpenRepository(new RegisteredRepository(name, url, id, false), data, new IndexActorClient(id, ActorRefs.Nobody));
    }
}
