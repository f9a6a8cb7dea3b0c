using ActorBackup.Core.Blocks;
using ActorBackup.Core.Identity;
using ActorBackup.Simulation.Tests.Machines;

namespace ActorBackup.Simulation.Tests.Model;

/// <summary>A toy repository elsewhere: what it has said to be durable outlives every crash here. Point objects are put if absent; a tombstone is a null.</summary>
/// <remarks>A put that was under way when its process died may arrive later.</remarks>
internal sealed class SimRepository(Machine machine) : RepositoryModel
{
    private readonly Dictionary<BlockDigest, SimTree> _trees = [];
    private readonly List<SimPoint> _late = [];
    private long _roots;

    private bool _isAway;

    public override bool IsAway
    {
        set => _isAway = value;
    }

    public override void StopFaults() => _isAway = false;

    public override bool HasTree(SimPoint point) => FindTree(point.Tree.Root) is not null;

    public SimTree NewTree(IEnumerable<KeyValuePair<long, byte[]?>> changes, SimTree below)
    {
        var blocks = below.Blocks.ToBuilder();
        foreach (var (block, content) in changes)
        {
            if (content is null)
            {
                blocks.Remove(block);
            }
            else
            {
                blocks[block] = content;
            }
        }

        var root = new byte[BlockDigest.SizeBytes];
        BitConverter.TryWriteBytes(root, ++_roots);
        return new SimTree(new BlockDigest(root), blocks.ToImmutable());
    }

    public void Touch(int process) => Ask(process, static () => { });

    public void StoreTree(int process, SimTree tree) => Ask(process, () => _trees[tree.Root] = tree);

    /// <summary>Null when the root's tree is not durable here.</summary>
    public SimTree? FindTree(BlockDigest root) => root == default ? SimTree.Empty : _trees.GetValueOrDefault(root);

    /// <summary>False = the key is buried.</summary>
    public bool Publish(int process, SimPoint point)
    {
        var arrived = false;
        try
        {
            Ask(
                process,
                () =>
                {
                    arrived = true;
                    PutIfAbsent(point);
                },
                OperationKind.Publish);
        }
        catch (Exception e) when (e is ProcessDied or RepositoryAway)
        {
            if (!arrived && machine.Dice.Chance(0.8))
            {
                _late.Add(point);
            }

            throw;
        }

        return Points[point.Id.Value] is not null;
    }

    public void Bury(int process, PointId id) => Ask(process, () => Points.TryAdd(id.Value, null));

    public SimPoint? Find(int process, PointId id)
    {
        SimPoint? found = null;
        Ask(process, () => found = Points.GetValueOrDefault(id.Value));
        return found;
    }

    public void Delete(int process, PointId id) => Ask(process, () => Points.Remove(id.Value));

    /// <summary>What was on the wire comes in, at last or perhaps.</summary>
    public override void LetLateOnesIn(bool surely)
    {
        if (!surely && machine.Dice.Chance(0.6))
        {
            return;
        }

        _late.ForEach(PutIfAbsent);
        _late.Clear();
    }

    private void PutIfAbsent(SimPoint point)
    {
        if (Points.TryAdd(point.Id.Value, point))
        {
            PointAppeared(point);
        }
    }

    private void Ask(int process, Action apply, OperationKind kind = OperationKind.Repository)
    {
        if (machine.IsUp && process == machine.Process && (_isAway || machine.Dice.Chance(machine.Faults.RepositoryFails)))
        {
            machine.Trace.Add("repository away");
            throw new RepositoryAway();
        }

        machine.Do(process, kind, null, 0, 1, count =>
        {
            if (count == 1)
            {
                apply();
            }
        });
    }
}
