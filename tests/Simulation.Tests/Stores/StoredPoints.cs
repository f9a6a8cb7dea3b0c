using System.Collections.Immutable;
using ActorBackup.Core.Blocks;
using ActorBackup.Core.Identity;
using ActorBackup.Simulation.Tests.Machines;
using ActorBackup.Simulation.Tests.Model;
using ActorBackup.Storage;
using ActorBackup.Storage.Repositories;

namespace ActorBackup.Simulation.Tests.Stores;

/// <summary>The points of an object store as the checks see them: each is restored by the shipped reader when it appears.</summary>
internal sealed class StoredPoints : RepositoryModel
{
    private const string Prefix = "points/";

    private readonly Machine _machine;
    private readonly BlockGeometry _geometry;
    private readonly StoreTruth _truth;

    public StoredPoints(Machine machine, BlockGeometry geometry, StoreFaults faults, RepositoryManifest manifest)
    {
        (_machine, _geometry) = (machine, geometry);
        Objects = new SimObjects(machine, faults) { Appeared = Appeared, Vanished = Vanished };
        _truth = new StoreTruth(Objects);
        Objects.PutIfAbsent(RepositoryManifest.Key, manifest.Encode());
        Objects.MakeDurable(RepositoryManifest.Key);
    }

    public SimObjects Objects { get; }

    public override bool IsAway
    {
        set => Objects.GoAway(value);
    }

    /// <summary>It was restored when it appeared.</summary>
    public override bool HasTree(SimPoint point) => true;

    public override void StopFaults() => Objects.StopFaults();

    public override void LetLateOnesIn(bool surely)
    {
        if (surely)
        {
            Objects.LetAllIn();
        }
        else
        {
            Objects.ProcessEnded();
        }
    }

    /// <summary>What a tree has; null = it is not durable.</summary>
    public SimTree? TryRestore(BlockDigest root)
    {
        try
        {
            return new SimTree(root, _truth.Restore(_geometry, root).ToImmutableDictionary());
        }
        catch (StorageException e)
        {
            _machine.Trace.Add("cannot be restored: " + e.Message);
            return null;
        }
    }

    public override void CheckAll()
    {
        foreach (var point in Points.Values.OfType<SimPoint>())
        {
            if (TryRestore(point.Tree.Root) is not { } tree || tree.Blocks.Count != point.Tree.Blocks.Count
                || tree.Blocks.Any(b => !point.Tree.Blocks.TryGetValue(b.Key, out var then) || !b.Value.AsSpan().SequenceEqual(then)))
            {
                _machine.Report($"point {point.Id} is not what it was");
            }
        }
    }

    private void Appeared(string key, byte[] content)
    {
        if (!key.StartsWith(Prefix, StringComparison.Ordinal))
        {
            return;
        }

        var id = new PointId(key[Prefix.Length..]);
        if (_truth.Find(id) is not { } found)
        {
            Points[id.Value] = null;
            return;
        }

        var missing = new HashSet<long>();
        foreach (var run in found.Missing)
        {
            missing.UnionWith(Enumerable.Range(0, (int)run.Count).Select(i => run.First + i));
        }

        if (TryRestore(found.Root) is not { } tree)
        {
            _machine.Report($"point {id} is there, and something that it needs is not durable");
            return;
        }

        var point = new SimPoint(id, tree, missing) { IsAborted = found.IsAborted };
        Points[id.Value] = point;
        PointAppeared(point);
    }

    private void Vanished(string key)
    {
        if (key.StartsWith(Prefix, StringComparison.Ordinal))
        {
            Points.Remove(key[Prefix.Length..]);
        }
    }
}
