using ActorBackup.Actors;
using ActorBackup.Core.Identity;
using ActorBackup.Messages.Catalog;
using ActorBackup.Messages.Disks;
using ActorBackup.Node.Startup;
using ActorBackup.Storage;
using Akka.Actor;

namespace ActorBackup.Node.Http;

/// <summary>What is learned of points while requests are answered goes to the disks whose bitmaps count from them. They look for themselves before they believe it.</summary>
/// <remarks>It holds a request up for a few seconds at most, and never fails it: an answer then says what was known before.</remarks>
public sealed class BaseNews(NodeSystem system, NodeGateway node)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    /// <summary>Somebody named a point that is nowhere, or deleted it.</summary>
    public Task MissingAsync(PointId point) => TryAsync(() => TellAsync(b => b.Point == point && b.State != BaseState.Lost));

    /// <summary>All points of these repositories.</summary>
    public Task ListedAsync(IReadOnlyCollection<string> repositoryIds, IReadOnlySet<PointId> points) =>
        TryAsync(() => TellAsync(b => b.RepositoryId is { } id && repositoryIds.Contains(id) && b.Point is { } point && points.Contains(point) == (b.State == BaseState.Lost)));

    /// <summary>Somebody wants to know what the disk's bitmaps count from.</summary>
    public Task LookAsync(DiskId disk) =>
        TryAsync(async () =>
        {
            if (await node.AskAsync(new DiskQuery.GetBitmaps { Disk = disk }) is not DiskReply.Bitmaps bitmaps)
            {
                return;
            }

            var known = await node.RepositoriesAsync();
            foreach (var counted in bitmaps.Views.Where(b => b.BusyWith is null).Select(b => b.Base).Where(b => b.Point is not null).Distinct())
            {
                if (known.FirstOrDefault(r => r.RepositoryId == counted.RepositoryId) is { } repository && await DiffersAsync(repository, counted))
                {
                    await node.AskAsync(new DiskCommand.CheckBases { Disk = disk });
                    return;
                }
            }
        });

    private static async Task TryAsync(Func<Task> work)
    {
        try
        {
            await Task.Run(work).WaitAsync(Patience);
        }
        catch (Exception e) when (e is TimeoutException or AskTimeoutException or RefusedException or StorageException)
        {
            // Some repository or disk does not answer now.
        }
    }

    private async Task<bool> DiffersAsync(RegisteredRepository repository, BitmapBase counted)
    {
        var open = await (await system.RepositoriesAsync()).OpenAsync(repository.RepositoryId);
        var isThere = await open.Data.Points.TryGetAsync(counted.Point!.Value, CancellationToken.None) is not null;
        return isThere == (counted.State == BaseState.Lost);
    }

    private async Task TellAsync(Func<BitmapBase, bool> isNews)
    {
        foreach (var disk in await node.DisksAsync())
        {
            if (await node.AskAsync(new DiskQuery.GetBitmaps { Disk = disk.Id }) is DiskReply.Bitmaps bitmaps && bitmaps.Views.Any(b => b.Base.Point is not null && isNews(b.Base)))
            {
                await node.AskAsync(new DiskCommand.CheckBases { Disk = disk.Id });
            }
        }
    }
}
