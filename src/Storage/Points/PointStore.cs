using System.Collections.Concurrent;
using ActorBackup.Core.Identity;
using ActorBackup.Storage.Objects;
using ActorBackup.Storage.Sealed;

namespace ActorBackup.Storage.Points;

public enum PublishOutcome
{
    Published,

    /// <summary>A point of this id is there; nothing changed.</summary>
    AlreadyThere,

    /// <summary>The id was buried: its job may not publish any more.</summary>
    Buried,
}

public enum BuryOutcome
{
    Buried,

    /// <summary>The job published before; nothing changed.</summary>
    PointExists,
}

/// <summary>Points of a repository, oldest first, and the ids of those that cannot be read with the reason.</summary>
public sealed record PointListing(IReadOnlyList<RecoveryPoint> Points, IReadOnlyList<(PointId Id, string Reason)> Damaged);

/// <summary>A repository's points: one immutable object each, under the id of their job (rule 12).</summary>
public sealed class PointStore(IObjectStore store, TimeProvider clock)
{
    private const string Prefix = "points/";

    // Points never change. What was deleted leaves the cache by not being listed.
    private readonly ConcurrentDictionary<PointId, RecoveryPoint> _read = new();

    public async Task<PointListing> ListAsync(CancellationToken cancellation)
    {
        var points = new List<RecoveryPoint>();
        var damaged = new List<(PointId, string)>();
        await foreach (var stored in store.ListAsync(Prefix, cancellation).ConfigureAwait(false))
        {
            var id = new PointId(stored.Key[Prefix.Length..]);
            try
            {
                if (await TryGetAsync(id, cancellation).ConfigureAwait(false) is { } point)
                {
                    points.Add(point);
                }
            }
            catch (StorageException e) when (e.Error is StorageError.Damaged or StorageError.UnknownVersion)
            {
                damaged.Add((id, e.Message));
            }
        }

        points.Sort((a, b) => string.CompareOrdinal(a.Id.Value, b.Id.Value));
        return new PointListing(points, damaged);
    }

    /// <summary>Null if there is none, or only a tombstone.</summary>
    /// <exception cref="StorageException">Damaged, or the repository cannot be read.</exception>
    public async Task<RecoveryPoint?> TryGetAsync(PointId id, CancellationToken cancellation)
    {
        if (!SortableId.IsValid(id.Value))
        {
            return null;
        }

        if (_read.TryGetValue(id, out var known))
        {
            if (await store.TryGetLengthAsync(KeyOf(id), cancellation).ConfigureAwait(false) is not null)
            {
                return known;
            }

            _read.TryRemove(id, out _);
            return null;
        }

        if (await store.TryGetAsync(KeyOf(id), SealedObject.MaxBytes, cancellation).ConfigureAwait(false) is not { } bytes
            || PointCodec.Decode(id, bytes) is not { } point)
        {
            return null;
        }

        _read[id] = point;
        return point;
    }

    /// <summary>
    /// As <see cref="TryGetAsync"/>, of a point because of which something is given up: it is durable, also when whoever put it died, or got an error, before it was.
    /// </summary>
    public async Task<RecoveryPoint?> TryGetDurableAsync(PointId id, CancellationToken cancellation)
    {
        if (await TryGetAsync(id, cancellation).ConfigureAwait(false) is not { } point)
        {
            return null;
        }

        // The key is taken, so this changes nothing, and a put that finds it taken makes the name durable.
        return await BuryAsync(id, cancellation).ConfigureAwait(false) == BuryOutcome.PointExists ? point : null;
    }

    /// <summary>Puts the point if nothing is at its key. Durable when it returns.</summary>
    public async Task<PublishOutcome> PublishAsync(RecoveryPoint point, CancellationToken cancellation)
    {
        RequireId(point.Id);
        return await store.PutIfAbsentAsync(KeyOf(point.Id), PointCodec.Encode(point), cancellation).ConfigureAwait(false) ? PublishOutcome.Published
            : await TryGetAsync(point.Id, cancellation).ConfigureAwait(false) is null ? PublishOutcome.Buried
            : PublishOutcome.AlreadyThere;
    }

    /// <summary>Puts a tombstone if nothing is at the key.</summary>
    public async Task<BuryOutcome> BuryAsync(PointId id, CancellationToken cancellation)
    {
        RequireId(id);
        return await store.PutIfAbsentAsync(KeyOf(id), PointCodec.EncodeTombstone(id, clock.GetUtcNow()), cancellation).ConfigureAwait(false)
            || await TryGetAsync(id, cancellation).ConfigureAwait(false) is null
            ? BuryOutcome.Buried
            : BuryOutcome.PointExists;
    }

    /// <summary>Absent is no error. Blocks that only it had stay until they are collected.</summary>
    public async Task DeleteAsync(PointId id, CancellationToken cancellation)
    {
        RequireId(id);
        await store.DeleteAsync(KeyOf(id), cancellation).ConfigureAwait(false);
        _read.TryRemove(id, out _);
    }

    private static string KeyOf(PointId id) => Prefix + id.Value;

    private static void RequireId(PointId id)
    {
        if (!SortableId.IsValid(id.Value))
        {
            throw new StorageException(StorageError.Invalid, $"'{id}' is not a point's id");
        }
    }
}
