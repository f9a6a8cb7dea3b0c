using System.Collections.Concurrent;
using ActorBackup.Actors;
using ActorBackup.Actors.Disks;
using ActorBackup.Actors.Storage;
using ActorBackup.Core.Blocks;
using ActorBackup.Core.Identity;
using ActorBackup.Messages;
using ActorBackup.Nbd.Server;
using ActorBackup.Storage.Points;

namespace ActorBackup.Node.Exports;

/// <summary>Points that are served over NBD now, by export name. They last until they are unexported or the node stops.</summary>
public sealed class PointExports(NodeExports exports, LocalDisks disks)
{
    private static readonly TimeSpan WarmUpPatience = TimeSpan.FromSeconds(1);

    private readonly ConcurrentDictionary<string, (PointId Point, string RepositoryId, string Holder)> _points = new(StringComparer.Ordinal);

    /// <summary>Reads the point's first block, so that whoever connects next need not wait for the index and the tree. What fails here fails for the client, too.</summary>
    public static async Task WarmUpAsync(RecoveryPoint point, OpenRepository repository)
    {
        try
        {
            await repository.DeviceOf(point).ReadAsync(0, new byte[1], CancellationToken.None).AsTask().WaitAsync(WarmUpPatience);
        }
        catch (Exception e) when (e is BlockDeviceException or TimeoutException)
        {
            // The export is there all the same.
        }
    }

    /// <returns>False when the name is taken.</returns>
    /// <exception cref="RefusedException">The point is being deleted.</exception>
    public bool TryAdd(string name, RecoveryPoint point, string repositoryId, OpenRepository repository, IReadOnlyList<IMetaContext> contexts)
    {
        var holder = $"export {Guid.NewGuid()}";
        if (!disks.Pins.TryPin(point.Id, repositoryId, holder, $"point {point.Id} is exported as '{name}'; unexport it first"))
        {
            throw new RefusedException(new Refusal(RefusalCode.UnknownPoint, $"point {point.Id} is being deleted"));
        }

        if (!exports.TryAdd(name, $"point {point.Id} of disk {point.Disk}", repository.DeviceOf(point), contexts))
        {
            disks.Pins.Unpin(point.Id, repositoryId, holder);
            return false;
        }

        _points[name] = (point.Id, repositoryId, holder);
        return true;
    }

    /// <summary>By export name or by the point's id.</summary>
    public async Task<bool> TryRemoveAsync(string name)
    {
        if (!_points.TryRemove(name, out var export))
        {
            if (NameOf(new PointId(name)) is not { } actual || !_points.TryRemove(actual, out export))
            {
                return false;
            }

            name = actual;
        }

        await exports.RemoveAsync(name);
        disks.Pins.Unpin(export.Point, export.RepositoryId, export.Holder);
        return true;
    }

    /// <summary>Null when the point is not exported.</summary>
    public string? NameOf(PointId point) => _points.FirstOrDefault(p => p.Value.Point == point).Key;

    /// <summary>An export of one of its points; null when there is none.</summary>
    public string? OfRepository(string repositoryId) => _points.FirstOrDefault(p => p.Value.RepositoryId == repositoryId).Key;

    public string UriOf(string name) => exports.UriOf(name);
}
