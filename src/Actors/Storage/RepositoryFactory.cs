using ActorBackup.Actors.Index;
using ActorBackup.Files;
using ActorBackup.Messages.Catalog;
using ActorBackup.Storage;
using ActorBackup.Storage.Objects;
using ActorBackup.Storage.Repositories;
using Akka.Actor;

namespace ActorBackup.Actors.Storage;

/// <summary>Makes, probes and opens repositories by their URL.</summary>
public static class RepositoryFactory
{
    /// <returns>The new repository's id.</returns>
    /// <exception cref="RefusedException">Says why not.</exception>
    public static Task<string> CreateAsync(string url) => ExplainAsync(() => Repository.CreateAsync(LinuxFileLayer.Instance, url, TimeProvider.System));

    /// <returns>The id of the repository that is there.</returns>
    /// <exception cref="RefusedException">Says why not.</exception>
    public static Task<string> ProbeAsync(string url) => ExplainAsync(() => Repository.ProbeAsync(LinuxFileLayer.Instance, url));

    /// <exception cref="StorageException">It is gone, damaged, or of a newer version.</exception>
    /// <exception cref="RefusedException">Another repository is there now.</exception>
    internal static async Task<OpenRepository> OpenAsync(RegisteredRepository registered, IActorRef index, TimeProvider clock)
    {
        var client = new IndexActorClient(registered.RepositoryId, index);
        var data = await Repository.OpenAsync(LinuxFileLayer.Instance, registered.Url, client, clock, CancellationToken.None).ConfigureAwait(false);
        var open = new OpenRepository(registered, data, client);
        await open.EnsureAvailableAsync().ConfigureAwait(false);
        return open;
    }

    /// <summary>The bare objects, for who rebuilds an index.</summary>
    internal static IObjectStore OpenObjects(string url) => new FileObjectStore(LinuxFileLayer.Instance, StoreUrl.Parse(url).Path, url, RepositoryManifest.Key);

    private static async Task<string> ExplainAsync(Func<Task<string>> work)
    {
        try
        {
            return await work().ConfigureAwait(false);
        }
        catch (StorageException e)
        {
            throw new RefusedException(Failures.Explain(e));
        }
    }
}
