using ActorBackup.Simulation.Tests.Machines;

namespace ActorBackup.Simulation.Tests.Model;

/// <summary>What each sector of the disk held one after the other, and how far back a crash may take it.</summary>
internal sealed class GuestHistory
{
    private readonly SortedDictionary<long, Sector> _sectors = [];
    private readonly HashSet<Sector> _unflushed = [];
    private long _ticks;

    /// <summary>A moment, to tell what came before a call from what came after it.</summary>
    public long Tick() => ++_ticks;

    public void Changed(IReadOnlyList<(long Sector, byte[]? Content)> sectors)
    {
        var now = ++_ticks;
        foreach (var (sector, content) in sectors)
        {
            Of(sector).Versions.Add((now, content));
        }
    }

    /// <summary>A write that began at this tick was answered.</summary>
    public void Acknowledged(long offset, long length, long began)
    {
        for (var sector = offset / Inode.SectorBytes; sector * Inode.SectorBytes < offset + length; sector++)
        {
            // Punching a hole leaves no trace.
            if (!_sectors.TryGetValue(sector, out var known) || known.Versions.FindIndex(v => v.Tick > began) is not (>= 0 and var version))
            {
                continue;
            }

            known.Acknowledged = Math.Max(known.Acknowledged, version);
            _unflushed.Add(known);
        }
    }

    /// <summary>What a flush that begins now will make durable.</summary>
    public List<(object Sector, int Version)> BeginFlush() => [.. _unflushed.Select(s => ((object)s, s.Acknowledged + s.Dropped))];

    /// <summary>What a write that began at this tick made durable before it was answered.</summary>
    public List<(object Sector, int Version)> CoveredBy(long offset, long length, long began)
    {
        var covered = new List<(object, int)>();
        for (var sector = offset / Inode.SectorBytes; sector * Inode.SectorBytes < offset + length; sector++)
        {
            if (_sectors.TryGetValue(sector, out var known) && known.Versions.FindIndex(v => v.Tick > began) is >= 0 and var version)
            {
                covered.Add((known, version + known.Dropped));
            }
        }

        return covered;
    }

    public void Flushed(List<(object Sector, int Version)> covered)
    {
        foreach (var (sector, version) in covered)
        {
            var known = (Sector)sector;
            known.Flushed = Math.Max(known.Flushed, version - known.Dropped);
            if (known.Flushed >= known.Acknowledged)
            {
                _unflushed.Remove(known);
            }
        }
    }

    /// <summary>Compares what the disk holds with what it may hold. Null, or what is wrong.</summary>
    /// <param name="content">Of the disk.</param>
    /// <param name="needsAcknowledged">The page cache is still there, so whatever was answered is.</param>
    public string? Check(Dictionary<long, byte[]> content, bool needsAcknowledged)
    {
        foreach (var (index, sector) in _sectors)
        {
            var actual = content.GetValueOrDefault(index);
            var oldest = Math.Max(0, needsAcknowledged ? Math.Max(sector.Acknowledged, sector.Flushed) : sector.Flushed);
            if (!sector.Versions.Skip(oldest).Any(v => Same(v.Content, actual)))
            {
                return $"sector {index} lost a write that was {(needsAcknowledged ? "answered" : "flushed")} (versions {sector.Versions.Count}, oldest allowed {oldest})";
            }
        }

        foreach (var index in content.Keys)
        {
            if (!_sectors.ContainsKey(index))
            {
                return $"sector {index} has content that nobody wrote";
            }
        }

        return null;
    }

    /// <summary>After a power failure what is there is all there is.</summary>
    public void Restart(Dictionary<long, byte[]> content)
    {
        _unflushed.Clear();
        foreach (var (index, sector) in _sectors)
        {
            sector.Restart(content.GetValueOrDefault(index));
        }
    }

    public static bool Same(byte[]? a, byte[]? b) =>
        ReferenceEquals(a, b) || (a is null ? IsZero(b!) : b is null ? IsZero(a) : a.AsSpan().SequenceEqual(b));

    private static bool IsZero(byte[] bytes) => !bytes.AsSpan().ContainsAnyExcept((byte)0);

    private Sector Of(long index)
    {
        if (!_sectors.TryGetValue(index, out var sector))
        {
            _sectors[index] = sector = new Sector();
        }

        return sector;
    }

    private sealed class Sector
    {
        public List<(long Tick, byte[]? Content)> Versions { get; } = [(0, null)];

        /// <summary>Versions that a restart forgot.</summary>
        public int Dropped { get; private set; }

        public int Acknowledged { get; set; } = -1;

        public int Flushed { get; set; } = -1;

        public void Restart(byte[]? content)
        {
            Dropped += Versions.Count;
            Versions.Clear();
            Versions.Add((0, content));
            (Acknowledged, Flushed) = (-1, -1);
        }
    }
}
