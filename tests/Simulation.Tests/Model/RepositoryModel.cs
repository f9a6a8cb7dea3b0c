namespace ActorBackup.Simulation.Tests.Model;

/// <summary>The repository as the checks see it, whatever it is made of.</summary>
internal abstract class RepositoryModel
{
    /// <summary>By id; a tombstone is a null.</summary>
    public SortedDictionary<string, SimPoint?> Points { get; } = new(StringComparer.Ordinal);

    /// <summary>Nobody gets an answer.</summary>
    public abstract bool IsAway { set; }

    /// <summary>Called when a point is there that was not.</summary>
    public Action<SimPoint> PointAppeared { get; set; } = static _ => { };

    /// <summary>All that the point needs is durable.</summary>
    public abstract bool HasTree(SimPoint point);

    /// <summary>Every point is what it was when it appeared.</summary>
    public virtual void CheckAll()
    {
    }

    /// <summary>From now on it is there and does what it is asked for.</summary>
    public abstract void StopFaults();

    /// <summary>After a process: what was on the wire comes in, at last or perhaps.</summary>
    public abstract void LetLateOnesIn(bool surely);
}
