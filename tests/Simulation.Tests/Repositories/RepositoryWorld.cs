using ActorBackup.Core.Blocks;
using ActorBackup.Core.Identity;
using ActorBackup.Simulation.Tests.Machines;
using ActorBackup.Simulation.Tests.Stores;
using ActorBackup.Storage;
using ActorBackup.Storage.Points;
using ActorBackup.Storage.Repositories;
using ActorBackup.Storage.Writing;

namespace ActorBackup.Simulation.Tests.Repositories;

/// <summary>A repository that outlives its processes, and what the simulation knows to be in it.</summary>
internal sealed class RepositoryWorld
{
    private const long BlockBytes = 4096;
    private const string PointPrefix = "points/";

    private static readonly RepositoryManifest Manifest = new(SortableId.Create(DateTimeOffset.UnixEpoch, new byte[10]), DateTimeOffset.UnixEpoch);

    private readonly Dictionary<int, byte[]> _contents = [];
    private readonly HashSet<PointId> _acknowledged = [];
    private readonly HashSet<PointId> _given = [];
    private int _points;

    public RepositoryWorld(Dice dice, WriterGuards guards)
    {
        (Dice, Guards) = (dice, guards);
        Machine = new Machine(dice, Trace, FaultPlan.None with { PowerFails = dice.Pick([0.0, 0.5, 1.0]), TimePasses = dice.Pick([0.0, 0.02, 0.1]) });
        Geometry = new BlockGeometry((dice.Pick([40, 300, 1500]) * BlockBytes) - dice.Pick([0, 512]), BlockBytes);
        PackBytes = dice.Pick([6000, 16384, 65536]);
        Objects = new SimObjects(Machine, StoreFaults.Draw(dice)) { Appeared = Appeared, Vanished = Vanished };
        Truth = new StoreTruth(Objects);
        Objects.PutIfAbsent(RepositoryManifest.Key, Manifest.Encode());
        Objects.MakeDurable(RepositoryManifest.Key);
    }

    public Dice Dice { get; }

    public WriterGuards Guards { get; }

    public Trace Trace { get; } = new();

    public Machine Machine { get; }

    public SimObjects Objects { get; }

    public StoreTruth Truth { get; }

    public BlockGeometry Geometry { get; }

    public int PackBytes { get; }

    /// <summary>Contents by block, of every point that somebody tried to publish. Absent = zero.</summary>
    public Dictionary<PointId, Dictionary<long, int>> Images { get; } = [];

    public RepositoryStatistics Statistics { get; } = new();

    public void Report(string violation) => Machine.Report(violation);

    /// <summary>The bytes of a content. Every third does not compress.</summary>
    public byte[] Content(int content)
    {
        if (!_contents.TryGetValue(content, out var bytes))
        {
            bytes = new byte[Geometry.BlockBytes];
            var random = new Dice((ulong)content);
            for (var i = 0; i < bytes.Length; i++)
            {
                bytes[i] = content % 3 == 0 ? (byte)random.Below(256) : (byte)(1 + (content % 251) + (i / 400));
            }

            _contents[content] = bytes;
        }

        return bytes;
    }

    public PointId NewPoint() => new(SortableId.Create(Machine.Now, [.. BitConverter.GetBytes(++_points).Reverse(), 0, 0, 0, 0, 0, 0]));

    /// <summary>Somebody was told that the point is there.</summary>
    public void Acknowledge(PointId point)
    {
        _acknowledged.Add(point);
        Statistics.Published++;
        if (!Objects.IsDurable(PointPrefix + point.Value))
        {
            Report($"point {point} was acknowledged and is not durable");
        }
    }

    /// <summary>Somebody asks for the point to be deleted.</summary>
    public void GiveUp(PointId point) => _given.Add(point);

    /// <summary>Between processes: points that were acknowledged are there, all that are there restore.</summary>
    public void CheckAll(string when)
    {
        foreach (var point in _acknowledged.Where(p => !_given.Contains(p) && !Objects.IsDurable(PointPrefix + p.Value)))
        {
            Report($"{when}: point {point} is not there any more");
        }

        foreach (var key in Objects.All.Keys.Where(k => k.StartsWith(PointPrefix, StringComparison.Ordinal)).Order(StringComparer.Ordinal).ToList())
        {
            Check(key, when);
        }
    }

    /// <summary>Damages a pack that no point needs, present or to come.</summary>
    public void RotGarbage()
    {
        var needed = new HashSet<string>(StringComparer.Ordinal);
        foreach (var id in Images.Keys)
        {
            var coming = Objects.Coming.FirstOrDefault(c => c.Key == PointPrefix + id.Value).Content;
            if (Truth.Find(id) is { } point)
            {
                Need(point);
            }
            else if (coming is not null)
            {
                Need(PointCodec.Decode(id, coming)!);
            }
        }

        var garbage = Objects.All.Keys
            .Where(k => k.StartsWith("packs/", StringComparison.Ordinal) && Objects.IsDurable(k) && !needed.Contains(k))
            .Order(StringComparer.Ordinal).ToList();
        if (garbage.Count > 0)
        {
            var key = Dice.Pick(garbage);
            Trace.Add("rots " + key);
            Objects.Damage(key);
            Truth.Rebuild();
            Statistics.Rotten++;
        }

        void Need(RecoveryPoint point)
        {
            foreach (var digest in Truth.Reach(Geometry, point.Root))
            {
                needed.Add(Truth.PackOf(digest)!);
            }
        }
    }

    private void Appeared(string key, byte[] content)
    {
        if (key.StartsWith(PointPrefix, StringComparison.Ordinal))
        {
            Check(key, "when it appeared");
        }
    }

    private void Vanished(string key)
    {
        if (Objects.IsDurable(key))
        {
            Report($"{key} vanished");
        }
    }

    private void Check(string key, string when)
    {
        var id = new PointId(key[PointPrefix.Length..]);
        try
        {
            if (Truth.Find(id) is not { } point)
            {
                return;
            }

            var restored = Truth.Restore(Geometry, point.Root);
            Statistics.Restored++;
            var image = Images[id];
            foreach (var block in image.Keys.Concat(restored.Keys).Distinct().Order())
            {
                var expected = image.TryGetValue(block, out var content) ? Content(content) : null;
                if (expected is null || !restored.TryGetValue(block, out var found) || !found.AsSpan().SequenceEqual(expected))
                {
                    Report($"{when}: point {id} has something else in block {block}");
                    return;
                }
            }
        }
        catch (StorageException e)
        {
            Report($"{when}: point {id} cannot be restored: {e.Message}");
        }
    }
}
