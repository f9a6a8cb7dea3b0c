using ActorBackup.Storage.Objects;
using ActorBackup.Storage.Packs;

namespace ActorBackup.Storage.Repositories;

/// <summary>Reads all packs' footers: what an index is built from.</summary>
public static class IndexLoader
{
    private const int Readers = 4;

    /// <summary>Hands out every footer, one at a time. Packs that cannot be read are left out: their blocks count as unknown, so they are written again.</summary>
    /// <returns>Why packs were left out.</returns>
    /// <exception cref="StorageException">There is no repository, it cannot be listed, or something in it was written by a newer version.</exception>
    public static Task<IReadOnlyList<string>> LoadAsync(IObjectStore objects, Action<PackFooter> take, CancellationToken cancellation) =>
        LoadAsync(objects, take, TaskScheduler.Default, cancellation);

    /// <param name="objects">Of the repository.</param>
    /// <param name="take">Gets the footers.</param>
    /// <param name="readers">Runs who reads them.</param>
    /// <param name="cancellation">Between footers.</param>
    internal static async Task<IReadOnlyList<string>> LoadAsync(IObjectStore objects, Action<PackFooter> take, TaskScheduler readers, CancellationToken cancellation)
    {
        // An empty mount point must not pass for a repository without packs.
        await RepositoryManifest.ReadAsync(objects, cancellation).ConfigureAwait(false);
        var reader = new PackReader(objects);
        var gate = new Lock();
        var left = new List<string>();
        await Parallel.ForEachAsync(
            objects.ListAsync("packs/", cancellation),
            new ParallelOptions { MaxDegreeOfParallelism = Readers, TaskScheduler = readers, CancellationToken = cancellation },
            async (stored, token) =>
            {
                try
                {
                    var footer = await reader.ReadFooterAsync(stored.Key, token).ConfigureAwait(false);
                    lock (gate)
                    {
                        take(footer);
                    }
                }
                catch (StorageException e) when (e.Error is StorageError.Damaged or StorageError.Missing or StorageError.InputOutput)
                {
                    lock (gate)
                    {
                        left.Add(e.Message);
                    }
                }
            }).ConfigureAwait(false);
        return left;
    }
}
