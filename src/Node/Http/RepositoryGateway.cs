using ActorBackup.Actors;
using ActorBackup.Actors.Storage;
using ActorBackup.Core.Identity;
using ActorBackup.Messages;
using ActorBackup.Messages.Catalog;
using ActorBackup.Messages.Disks;
using ActorBackup.Messages.Storage;
using ActorBackup.Node.Startup;
using ActorBackup.Storage.Points;

namespace ActorBackup.Node.Http;

/// <summary>What the HTTP handlers need of repositories: their actors, their data plane on this node, and points by id, DISK@latest or DISK@TIME.</summary>
public sealed class RepositoryGateway(NodeSystem system, NodeGateway node, BaseNews news)
{
    public async Task<StorageReply> AskAsync(RegisteredRepository repository, StorageCommand command) =>
        await (await system.RepositoriesAsync()).AskAsync(repository, command);

    public async Task<OpenRepository> OpenAsync(RegisteredRepository repository) =>
        await (await system.RepositoriesAsync()).OpenAsync(repository.RepositoryId);

    /// <exception cref="RefusedException">No such point.</exception>
    public async Task<(RecoveryPoint Point, RegisteredRepository Repository)> FindPointAsync(string reference)
    {
        var known = await node.RepositoriesAsync();
        var at = reference.IndexOf('@', StringComparison.Ordinal);
        if (at < 0)
        {
            return await FindByIdAsync(reference, known);
        }

        var disk = reference[..at];
        var latest = reference[(at + 1)..];
        var limit = DateTimeOffset.MaxValue;
        if (latest != "latest" && !DateTimeOffset.TryParse(latest, null, System.Globalization.DateTimeStyles.AssumeUniversal, out limit))
        {
            throw new RefusedException(new Refusal(
                RefusalCode.InvalidArgument, $"'{reference}' is not a point: after '@' comes 'latest' or a time such as 2026-11-23T04:00:00Z"));
        }

        var candidates = await AllAsync(known);
        var found = candidates
            .Where(c => c.Point.Disk.Value == disk && c.Point.IsComplete && c.Point.CreatedAt <= limit)
            .OrderByDescending(c => c.Point.CreatedAt)
            .ThenByDescending(c => c.Point.Id.Value, StringComparer.Ordinal)
            .FirstOrDefault();
        return found.Point is not null
            ? found
            : throw new RefusedException(new Refusal(
                RefusalCode.UnknownPoint, $"there is no complete point of disk '{disk}'{(latest == "latest" ? "" : $" at or before {latest}")}; 'abk point list --disk {disk}' shows its points"));
    }

    /// <summary>Points of every repository that can be opened.</summary>
    public async Task<IReadOnlyList<(RecoveryPoint Point, RegisteredRepository Repository)>> AllAsync(IReadOnlyList<RegisteredRepository> known) =>
        (await ListAsync(known)).Points;

    /// <summary>The same, with the ids of the repositories that could be opened and of which every point could be read.</summary>
    public async Task<(IReadOnlyList<(RecoveryPoint Point, RegisteredRepository Repository)> Points, IReadOnlyCollection<string> Complete)> ListAsync(IReadOnlyList<RegisteredRepository> known)
    {
        var complete = new List<string>();
        var all = new List<(RecoveryPoint, RegisteredRepository)>();
        foreach (var repository in known)
        {
            OpenRepository open;
            try
            {
                open = await OpenAsync(repository);
            }
            catch (RefusedException) when (known.Count > 1)
            {
                continue;
            }

            var listing = await open.Data.Points.ListAsync(CancellationToken.None);
            all.AddRange(listing.Points.Select(p => (p, repository)));
            if (listing.Damaged.Count == 0)
            {
                complete.Add(repository.RepositoryId);
            }
        }

        return (all, complete);
    }

    /// <summary>Deletes the point in the order that keeps bitmaps true: by its disk's actor when there is one.</summary>
    public async Task<Refusal?> DeletePointAsync(RecoveryPoint point, RegisteredRepository repository)
    {
        // The bases of jobs are pinned as soon as their disks' actors have their journals: of a node that has just started one may not be that far.
        await Task.WhenAll((await node.DisksAsync()).Select(d => node.AskAsync(new DiskQuery.GetDisk { Disk = d.Id })));
        var reply = await node.AskAsync(
            new DiskCommand.DeletePoint(point.Id, repository.Name, repository.RepositoryId) { Disk = point.Disk });
        return (reply as DiskReply.Rejected)?.Refusal;
    }

    public async Task<IReadOnlyList<(RecoveryPoint Point, RegisteredRepository Repository)>> PointsOfAsync(DiskId disk) =>
        [.. (await AllAsync(await node.RepositoriesAsync())).Where(p => p.Point.Disk == disk)];

    /// <summary>A job that works with the repository and has not concluded; null when there is none.</summary>
    public async Task<JobId?> UnfinishedJobOfAsync(RegisteredRepository repository)
    {
        var fromDisks = await Task.WhenAll((await node.DisksAsync()).Select(d => node.AskAsync(new DiskQuery.GetJobs { Disk = d.Id })));
        var fromStorage = await AskAsync(repository, new StorageCommand.GetJobs());
        return fromDisks.OfType<DiskReply.Jobs>().SelectMany(j => j.Views)
            .Concat(fromStorage is StorageReply.Jobs own ? own.Views : [])
            .FirstOrDefault(v => v.Repository == repository.Name && v.Outcome is null)?.Id;
    }

    private async Task<(RecoveryPoint Point, RegisteredRepository Repository)> FindByIdAsync(string id, IReadOnlyList<RegisteredRepository> known)
    {
        if (SortableId.IsValid(id))
        {
            foreach (var repository in known)
            {
                try
                {
                    if (await (await OpenAsync(repository)).Data.Points.TryGetAsync(new PointId(id), CancellationToken.None) is { } point)
                    {
                        return (point, repository);
                    }
                }
                catch (RefusedException) when (known.Count > 1)
                {
                    // Another repository may have it; one that cannot be opened must not hide that.
                }
            }
        }

        await news.MissingAsync(new PointId(id));
        throw new RefusedException(new Refusal(RefusalCode.UnknownPoint, $"there is no point '{id}'; 'abk point list' shows the points"));
    }
}
