using ActorBackup.Core.Identity;

namespace ActorBackup.Actors.Disks;

/// <summary>Points that are read on this node, by jobs and exports, and those that are being deleted: no point is both (rule 15).</summary>
/// <remarks>Who reads pins first and looks whether the point is there afterwards; who deletes begins first and asks the repository afterwards.</remarks>
public sealed class PointPins
{
    private readonly Lock _lock = new();
    private readonly Dictionary<(PointId Point, string RepositoryId), Dictionary<string, string>> _pins = [];
    private readonly HashSet<(PointId Point, string RepositoryId)> _going = [];

    /// <param name="point">What is to stay.</param>
    /// <param name="repositoryId">That has it.</param>
    /// <param name="holder">Who wants that; unique.</param>
    /// <param name="why">Said to who wants to delete it: one line.</param>
    /// <returns>False = it is being deleted.</returns>
    public bool TryPin(PointId point, string repositoryId, string holder, string why)
    {
        lock (_lock)
        {
            if (_going.Contains((point, repositoryId)))
            {
                return false;
            }

            if (!_pins.TryGetValue((point, repositoryId), out var holders))
            {
                _pins[(point, repositoryId)] = holders = [];
            }

            holders[holder] = why;
            return true;
        }
    }

    /// <summary>Idempotent.</summary>
    public void Unpin(PointId point, string repositoryId, string holder)
    {
        lock (_lock)
        {
            if (_pins.TryGetValue((point, repositoryId), out var holders) && holders.Remove(holder) && holders.Count == 0)
            {
                _pins.Remove((point, repositoryId));
            }
        }
    }

    /// <summary>Why the point must stay now; null = nothing holds it.</summary>
    public string? WhyPinned(PointId point, string repositoryId)
    {
        lock (_lock)
        {
            return _pins.GetValueOrDefault((point, repositoryId))?.Values.First();
        }
    }

    /// <summary>Nobody can pin it until <see cref="EndDeletion"/>. Null = so it is; else why not.</summary>
    public string? TryBeginDeletion(PointId point, string repositoryId)
    {
        lock (_lock)
        {
            if (_pins.GetValueOrDefault((point, repositoryId)) is { } holders)
            {
                return holders.Values.First();
            }

            _going.Add((point, repositoryId));
            return null;
        }
    }

    public void EndDeletion(PointId point, string repositoryId)
    {
        lock (_lock)
        {
            _going.Remove((point, repositoryId));
        }
    }
}
