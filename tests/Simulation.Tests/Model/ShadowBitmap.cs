using ActorBackup.Core.Blocks;
using ActorBackup.Core.Identity;

namespace ActorBackup.Simulation.Tests.Model;

/// <summary>A bitmap as it must be, kept beside the real one from what reached the backing: units that must be set, and units that may be.</summary>
/// <remarks>
/// While a command runs that changes what records, nobody knows on which side of it a write falls: then a write only widens what may be set.
/// While a job holds the bitmap, what it froze is kept apart, because the job's end says what of it stays.
/// </remarks>
internal sealed class ShadowBitmap
{
    private bool[]? _frozenMust;
    private bool[]? _frozenMay;
    private bool[]? _sinceClearing;
    private bool _wasUnsure;

    public ShadowBitmap(ulong setId, BlockGeometry geometry)
    {
        (SetId, Geometry) = (setId, geometry);
        Must = new bool[geometry.BlockCount];
        May = new bool[geometry.BlockCount];
    }

    public ulong SetId { get; }

    public BlockGeometry Geometry { get; }

    public bool[] Must { get; private set; }

    public bool[] May { get; private set; }

    public bool IsRecording { get; set; }

    /// <summary>A command that changes what records is under way, or failed halfway.</summary>
    public bool IsUnsure { get; set; }

    public JobId? Job { get; private set; }

    public void Touch(long offset, long length)
    {
        if (!IsRecording && !IsUnsure)
        {
            return;
        }

        Set(May, offset, length);
        if (!IsUnsure)
        {
            Set(Must, offset, length);
        }

        if (_sinceClearing is not null)
        {
            Set(_sinceClearing, offset, length);
        }
    }

    /// <summary>The range may be set: a write failed before it reached the backing, or a crash left an intent.</summary>
    public void Blur(long offset, long length)
    {
        Set(May, offset, length);
        if (_sinceClearing is not null)
        {
            Set(_sinceClearing, offset, length);
        }
    }

    public void BeginClearing()
    {
        (_wasUnsure, IsUnsure, Must, _sinceClearing) = (IsUnsure, true, new bool[Must.Length], new bool[Must.Length]);
    }

    public void EndClearing(bool isDone)
    {
        if (isDone)
        {
            May = _sinceClearing!;
        }

        (IsUnsure, _sinceClearing) = (_wasUnsure, null);
    }

    public void Freeze(JobId job)
    {
        (_frozenMust, _frozenMay, Job) = (Must, May, job);
        (Must, May) = (new bool[Must.Length], new bool[May.Length]);
    }

    /// <summary>The journal has the job's conclusion: from now on this much of what was frozen must stay.</summary>
    public void Conclude(Func<ShadowBitmap, bool[]?> remains)
    {
        if (_frozenMust is not null)
        {
            _frozenMust = remains(this);
            Unite(_frozenMay!, _frozenMust);
        }
    }

    /// <summary>The tracking file is settled.</summary>
    /// <param name="remains">What of the frozen bits may stay.</param>
    public void Settle(Func<ShadowBitmap, bool[]?> remains)
    {
        if (_frozenMay is null)
        {
            return;
        }

        var stays = remains(this);
        Unite(Must, _frozenMust);
        Unite(May, stays);
        Unite(May, _frozenMust);
        (_frozenMust, _frozenMay, Job) = (null, null, null);
    }

    public bool[]? FrozenMust => _frozenMust;

    public bool[]? FrozenMay => _frozenMay;

    /// <summary>All that must be set, in the bitmap or its successor.</summary>
    public bool[] MustInAll()
    {
        var all = (bool[])Must.Clone();
        Unite(all, _frozenMust);
        return all;
    }

    public bool[] MayInAll()
    {
        var all = (bool[])May.Clone();
        Unite(all, _frozenMay);
        return all;
    }

    /// <summary>What the bitmap claims too much from here on it may; it need not, for a bit of a write that failed is nobody's promise.</summary>
    public void Adopt(bool[] actual)
    {
        (Must, May) = (MustInAll(), (bool[])actual.Clone());
        (_frozenMust, _frozenMay, Job) = (null, null, null);
    }

    /// <summary>Bits of another bitmap, rounded outwards.</summary>
    public void AddFrom(BlockGeometry geometry, bool[] units, bool isSure)
    {
        for (var unit = 0; unit < units.Length; unit++)
        {
            if (units[unit])
            {
                Add(geometry.ExtentOf(unit), isSure);
            }
        }
    }

    public void Add(Extent extent, bool isSure)
    {
        Set(May, extent.Offset, extent.Length);
        if (isSure)
        {
            Set(Must, extent.Offset, extent.Length);
        }
    }

    /// <summary>Blocks of a disk as units of this bitmap.</summary>
    public bool[] UnitsOf(IEnumerable<long> blocks, BlockGeometry disk)
    {
        var units = new bool[Must.Length];
        foreach (var block in blocks)
        {
            var extent = disk.ExtentOf(block);
            Set(units, extent.Offset, extent.Length);
        }

        return units;
    }

    public bool[] UnitsOf(IEnumerable<Extent> extents)
    {
        var units = new bool[Must.Length];
        foreach (var extent in extents)
        {
            Set(units, extent.Offset, extent.Length);
        }

        return units;
    }

    private static void Unite(bool[] target, bool[]? source)
    {
        for (var i = 0; source is not null && i < target.Length; i++)
        {
            target[i] |= source[i];
        }
    }

    private void Set(bool[] units, long offset, long length)
    {
        for (var unit = offset / Geometry.BlockBytes; unit * Geometry.BlockBytes < offset + length && unit < units.Length; unit++)
        {
            units[unit] = true;
        }
    }
}
