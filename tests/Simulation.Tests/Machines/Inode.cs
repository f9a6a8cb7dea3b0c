namespace ActorBackup.Simulation.Tests.Machines;

/// <summary>A file as the kernel has it: what readers see, what is on the medium, and the operations between the two.</summary>
/// <remarks>
/// Content is a table of 512-byte sectors that never change; an absent one reads as zeroes and is a hole. A sector is written whole or not at all.
/// After a sync that failed, some sectors are lost: readers see them still, nothing will write them, and they are gone when the cache is.
/// </remarks>
internal sealed class Inode(string name)
{
    public const int SectorBytes = 512;

    private readonly List<Unsynced> _unsynced = [];
    private readonly HashSet<long> _lost = [];
    private Dictionary<long, byte[]> _medium = [];
    private long _mediumLength;
    private long _mediumReserved;

    public string Name { get; } = name;

    public bool IsTracking { get; } = name.StartsWith(Machine.TrackingPath, StringComparison.Ordinal);

    /// <summary>What readers see.</summary>
    public Dictionary<long, byte[]> Cache { get; private set; } = [];

    public long Length { get; private set; }

    /// <summary>Up to here space is reserved.</summary>
    public long Reserved { get; private set; }

    public DateTimeOffset ModifiedAt { get; set; }

    /// <summary>A sync failed: what readers see may be gone with the cache, whatever later syncs say.</summary>
    public bool HasLost { get; private set; }

    public bool HasUnsynced => _unsynced.Count > 0;

    public void Resize(long length, long reserved)
    {
        (Length, Reserved) = (length, reserved);
        _unsynced.Add(new Unsynced(null, length, reserved));
    }

    /// <summary>Writes the bytes; returns the sectors that it changed.</summary>
    public List<(long Sector, byte[]? Content)> Write(long offset, ReadOnlySpan<byte> data)
    {
        var changed = new List<(long, byte[]?)>((data.Length / SectorBytes) + 2);
        for (var done = 0; done < data.Length;)
        {
            var sector = (offset + done) / SectorBytes;
            var at = (int)((offset + done) % SectorBytes);
            var count = Math.Min(SectorBytes - at, data.Length - done);
            var content = new byte[SectorBytes];
            if (count < SectorBytes && Cache.TryGetValue(sector, out var old))
            {
                old.CopyTo(content, 0);
            }

            data.Slice(done, count).CopyTo(content.AsSpan(at));
            changed.Add((sector, content));
            done += count;
        }

        Apply(changed);
        if (offset + data.Length > Length)
        {
            Resize(offset + data.Length, Reserved);
        }

        return changed;
    }

    /// <summary>Makes whole sectors holes and writes zeroes to the edges.</summary>
    public List<(long Sector, byte[]? Content)> Punch(long offset, long length)
    {
        var changed = new List<(long, byte[]?)>();
        for (var at = offset; at < offset + length;)
        {
            var sector = at / SectorBytes;
            var end = Math.Min((sector + 1) * SectorBytes, offset + length);
            if (Cache.TryGetValue(sector, out var old))
            {
                byte[]? content = null;
                if (end - at < SectorBytes)
                {
                    content = (byte[])old.Clone();
                    content.AsSpan((int)(at % SectorBytes), (int)(end - at)).Clear();
                }

                changed.Add((sector, content));
            }

            at = end;
        }

        Apply(changed);
        return changed;
    }

    public int Read(long offset, Span<byte> buffer)
    {
        var total = (int)Math.Clamp(Length - offset, 0, buffer.Length);
        for (var done = 0; done < total;)
        {
            var at = (int)((offset + done) % SectorBytes);
            var count = Math.Min(SectorBytes - at, total - done);
            if (Cache.TryGetValue((offset + done) / SectorBytes, out var content))
            {
                content.AsSpan(at, count).CopyTo(buffer[done..]);
            }
            else
            {
                buffer.Slice(done, count).Clear();
            }

            done += count;
        }

        return total;
    }

    public (long Start, long End) NextData(long offset)
    {
        var first = long.MaxValue;
        foreach (var sector in Cache.Keys)
        {
            if ((sector + 1) * SectorBytes > offset && sector < first)
            {
                first = sector;
            }
        }

        if (first == long.MaxValue)
        {
            return (Length, Length);
        }

        var end = first;
        while (Cache.ContainsKey(end))
        {
            end++;
        }

        return (Math.Max(offset, first * SectorBytes), Math.Min(Length, end * SectorBytes));
    }

    public void Sync()
    {
        foreach (var operation in _unsynced)
        {
            Persist(operation, static _ => true);
        }

        _unsynced.Clear();
    }

    /// <summary>Some of the unsynced sectors are written, the others never will be, and the next sync says that all is well.</summary>
    public void FailSync(Dice dice)
    {
        HasLost = true;
        foreach (var operation in _unsynced)
        {
            if (operation.Sectors is { } sectors)
            {
                foreach (var (sector, _) in sectors)
                {
                    _lost.Add(sector);
                }
            }

            Persist(operation, _ => dice.Chance(0.3));
        }

        _unsynced.Clear();
        _lost.RemoveWhere(s => ReferenceEquals(_medium.GetValueOrDefault(s), Cache.GetValueOrDefault(s)));
    }

    /// <summary>The cache drops what it could not write. Returns what readers see change.</summary>
    public List<(long Sector, byte[]? Content)> Evict()
    {
        var gone = _lost.Order().Select(s => (s, _medium.GetValueOrDefault(s))).ToList();
        foreach (var (sector, content) in gone)
        {
            Put(Cache, sector, content);
        }

        _lost.Clear();
        return gone;
    }

    /// <summary>Each operation since the last sync reached the medium, or a part of it did, or it did not.</summary>
    public void LosePower(Dice dice)
    {
        var mode = dice.Below(7);
        var cut = dice.Below(_unsynced.Count + 1);
        for (var i = 0; i < _unsynced.Count; i++)
        {
            var operation = _unsynced[i];
            var isWhole = mode switch
            {
                0 => false,
                1 => true,
                2 => i < cut,
                3 => i != cut,
                4 => i == cut,
                _ => dice.Chance(0.5),
            };
            var isTorn = operation.Sectors is not null && (mode == 6 || (mode == 2 && i == cut));
            Persist(operation, _ => isTorn ? dice.Chance(0.5) : isWhole);
        }

        _unsynced.Clear();
        _lost.Clear();
        (Length, Reserved) = (_mediumLength, _mediumReserved);
        foreach (var sector in _medium.Keys.Where(s => s * SectorBytes >= Length).ToList())
        {
            _medium.Remove(sector);
        }

        Cache = new Dictionary<long, byte[]>(_medium);
    }

    /// <summary>The same bytes under another name, all on the medium.</summary>
    public Inode Copy(string name) =>
        new(name)
        {
            _medium = new Dictionary<long, byte[]>(Cache),
            _mediumLength = Length,
            _mediumReserved = Reserved,
            Cache = new Dictionary<long, byte[]>(Cache),
            Length = Length,
            Reserved = Reserved,
            ModifiedAt = ModifiedAt,
            HasLost = HasLost,
        };

    private static void Put(Dictionary<long, byte[]> table, long sector, byte[]? content)
    {
        if (content is null)
        {
            table.Remove(sector);
        }
        else
        {
            table[sector] = content;
        }
    }

    private void Apply(List<(long Sector, byte[]? Content)> changed)
    {
        foreach (var (sector, content) in changed)
        {
            Put(Cache, sector, content);
            _lost.Remove(sector);
        }

        _unsynced.Add(new Unsynced(changed, 0, 0));
    }

    private void Persist(Unsynced operation, Func<long, bool> isWritten)
    {
        if (operation.Sectors is not { } sectors)
        {
            if (isWritten(-1))
            {
                (_mediumLength, _mediumReserved) = (operation.Length, operation.Reserved);
            }

            return;
        }

        foreach (var (sector, content) in sectors)
        {
            if (isWritten(sector))
            {
                Put(_medium, sector, content);
            }
        }
    }

    /// <summary>Sectors, or a new length when there are none.</summary>
    private sealed record Unsynced(List<(long Sector, byte[]? Content)>? Sectors, long Length, long Reserved);
}
