using ActorBackup.Actors.Storage;
using ActorBackup.Core.Identity;
using ActorBackup.Domain.Disks;
using ActorBackup.Messages;
using ActorBackup.Messages.Disks;
using ActorBackup.Volumes;

namespace ActorBackup.Actors.Backups;

/// <summary>What the target repository says before a backup is decided.</summary>
/// <param name="Repository">Open; null when it is refused, or none is wanted.</param>
/// <param name="Base">Of the base that was asked for: valid or partial, if it is there, else lost; none when none was.</param>
/// <param name="Refusal">Why the repository cannot be used.</param>
public sealed record BaseLookup(OpenRepository? Repository, BaseState Base, Refusal? Refusal)
{
    public bool Exists => Base is BaseState.Valid or BaseState.Partial;

    public static async Task<BaseLookup> FindAsync(
        IRepositories repositories, string repositoryId, PointId? basePoint, DiskState state, TrackedDisk disk)
    {
        if (repositoryId.Length == 0)
        {
            // Sync none writes nowhere.
            return new BaseLookup(null, BaseState.None, null);
        }

        try
        {
            return await Patience.WithinAsync(Patience.Usual, repositoryId, () => LookAsync(repositories, repositoryId, basePoint, state, disk)).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            return new BaseLookup(null, BaseState.None, Failures.Explain(e));
        }
    }

    private static async Task<BaseLookup> LookAsync(
        IRepositories repositories, string repositoryId, PointId? basePoint, DiskState state, TrackedDisk disk)
    {
        var repository = await repositories.OpenAsync(repositoryId).ConfigureAwait(false);
        await repository.EnsureAvailableAsync().ConfigureAwait(false);
        if (basePoint is not { } point)
        {
            return new BaseLookup(repository, BaseState.None, null);
        }

        if (await repository.Data.Points.TryGetAsync(point, CancellationToken.None).ConfigureAwait(false) is { } found)
        {
            return new BaseLookup(repository, found.IsComplete ? BaseState.Valid : BaseState.Partial, null);
        }

        if (state.Jobs.TryGetValue(point.Value, out var job) && await KeptPairs.PublishAsync(disk, state.Definition!, job, repository).ConfigureAwait(false))
        {
            return new BaseLookup(repository, BaseState.Partial, null);
        }

        // In one that went away meanwhile every point seems gone.
        await repository.EnsureAvailableAsync().ConfigureAwait(false);
        return new BaseLookup(repository, BaseState.Lost, null);
    }
}
