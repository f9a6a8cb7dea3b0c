using ActorBackup.Actors.Storage;
using ActorBackup.Core.Identity;
using ActorBackup.Domain.Disks;
using ActorBackup.Messages;
using ActorBackup.Volumes;

namespace ActorBackup.Actors.Backups;

/// <summary>What the target repository says before a backup is decided.</summary>
/// <param name="Repository">Open; null when it is refused, or none is wanted.</param>
/// <param name="Exists">The base that was asked for is there.</param>
/// <param name="Refusal">Why the repository cannot be used.</param>
public sealed record BaseLookup(OpenRepository? Repository, bool Exists, Refusal? Refusal)
{
    public static async Task<BaseLookup> FindAsync(
        IRepositories repositories, string repositoryId, PointId? basePoint, DiskState state, TrackedDisk disk)
    {
        if (repositoryId.Length == 0)
        {
            // Sync none writes nowhere.
            return new BaseLookup(null, false, null);
        }

        try
        {
            return await Patience.WithinAsync(Patience.Usual, repositoryId, () => LookAsync(repositories, repositoryId, basePoint, state, disk)).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            return new BaseLookup(null, false, Failures.Explain(e));
        }
    }

    private static async Task<BaseLookup> LookAsync(
        IRepositories repositories, string repositoryId, PointId? basePoint, DiskState state, TrackedDisk disk)
    {
        var repository = await repositories.OpenAsync(repositoryId).ConfigureAwait(false);
        await repository.EnsureAvailableAsync().ConfigureAwait(false);
        if (basePoint is not { } point)
        {
            return new BaseLookup(repository, false, null);
        }

        var exists = await repository.Data.Points.TryGetAsync(point, CancellationToken.None).ConfigureAwait(false) is not null
            || (state.Jobs.TryGetValue(point.Value, out var job)
                && await KeptPairs.PublishAsync(disk, state.Definition!, job, repository).ConfigureAwait(false));
        return new BaseLookup(repository, exists, null);
    }
}
