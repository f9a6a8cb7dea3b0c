using ActorBackup.Files;
using ActorBackup.Volumes.Tracking;

namespace ActorBackup.Simulation.Tests.Machines;

/// <summary>The computer below the processes: files, faults, the moment of the next crash. Its files outlive processes, and power failures as far as they were synced.</summary>
internal sealed class Machine(Dice dice, Trace trace, FaultPlan faults)
{
    public const string Directory = "/sim";
    public const string BackingPath = "/sim/disk.raw";
    public const string TrackingPath = "/sim/disk.raw.abktrack";
    public const string ScratchPath = "/sim/scratch";

    private readonly List<(string Name, Inode? Before)> _unsyncedNames = [];
    private readonly List<object> _buried = [];
    private CrashPlan? _crash;

    public Dictionary<string, Inode> Names { get; } = new(StringComparer.Ordinal);

    public Trace Trace => trace;

    public Dice Dice => dice;

    public FaultPlan Faults { get; private set; } = faults;

    /// <summary>Counts processes. A process that is not the running one can do nothing.</summary>
    public int Process { get; private set; }

    public bool IsUp { get; private set; }

    public bool SpaceIsOut { get; set; }

    public bool BackingSyncFailed { get; private set; }

    public bool TrackingSyncFailed { get; private set; }

    /// <summary>Reading or writing the tracking file failed, or its sync: bitmaps may be inconsistent for it.</summary>
    public bool TrackingSuffered { get; private set; }

    public string? Violation { get; private set; }

    /// <summary>Asked about every read, write and sync of a file, for tests that choose what fails; it may also let the process die.</summary>
    public Func<OperationKind, Inode, long, ScriptedFault> Script { get; set; } = static (_, _, _) => ScriptedFault.None;

    public DateTimeOffset Now { get; set; } = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>Since the running process, or the last one, started.</summary>
    public bool PowerWasLost { get; private set; }

    /// <summary>Something failed in the running process.</summary>
    public bool HasSuffered { get; private set; }

    /// <summary>Called when a range of the backing is written, with the sectors in which readers begin to see something else.</summary>
    public Action<long, long, IReadOnlyList<(long Sector, byte[]? Content)>> BackingChanged { get; set; } = static (_, _, _) => { };

    public Inode Backing => Names[BackingPath];

    public Inode? Tracking => Names.GetValueOrDefault(TrackingPath);

    public void StopFaults()
    {
        Faults = FaultPlan.None with { PowerFails = Faults.PowerFails, TimePasses = Faults.TimePasses };
        SpaceIsOut = false;
    }

    /// <param name="crash">Null = it lives as long as it likes.</param>
    public int StartProcess(CrashPlan? crash)
    {
        (_crash, IsUp, BackingSyncFailed, TrackingSyncFailed, HasSuffered, PowerWasLost) = (crash, true, false, false, false, false);
        return ++Process;
    }

    /// <summary>Keeps what is of a dead process from the garbage collector: a periodic timer that it finds goes off, on a thread of its own.</summary>
    public void Bury(object remains) => _buried.Add(remains);

    /// <summary>The process ended by itself.</summary>
    public void EndProcess() => IsUp = false;

    /// <summary>The process is killed, and with it the power fails perhaps.</summary>
    public void Crash()
    {
        if (!IsUp)
        {
            return;
        }

        IsUp = false;
        if (dice.Chance(Faults.PowerFails))
        {
            LosePower();
        }
        else
        {
            trace.Add("process killed");
            EvictLost();
        }
    }

    /// <summary>Pages that a failed sync lost go from the cache at the latest when somebody else opens the file.</summary>
    public void EvictLost()
    {
        foreach (var inode in Names.Values.OrderBy(i => i.Name, StringComparer.Ordinal))
        {
            var gone = inode.Evict();
            if (inode == Backing && gone.Count > 0)
            {
                BackingChanged(0, 0, gone);
            }
        }
    }

    public void LosePower()
    {
        trace.Add("power lost");
        PowerWasLost = true;
        LosePowerUnderNames();
        foreach (var inode in Names.Values.Distinct().OrderBy(i => i.Name, StringComparer.Ordinal))
        {
            inode.LosePower(dice);
        }
    }

    /// <summary>Does an operation of the running process, or fails it, or dies before, in or after it.</summary>
    /// <param name="process">Who asks.</param>
    /// <param name="kind">What for.</param>
    /// <param name="inode">On which file.</param>
    /// <param name="offset">For the trace.</param>
    /// <param name="length">Bytes, of which a part may be done.</param>
    /// <param name="apply">Does so many bytes of it.</param>
    public void Do(int process, OperationKind kind, Inode? inode, long offset, long length, Action<long> apply)
    {
        if (!IsUp || process != Process)
        {
            throw new ProcessDied();
        }

        var isDue = _crash?.IsDue(kind, inode) == true;
        trace.Add(NameOf(kind, inode), offset, length);
        if (isDue && _crash!.Position == 0)
        {
            Crash();
            throw new ProcessDied();
        }

        if (isDue && _crash!.Position == 1)
        {
            apply(PartOf(length));
            Crash();
            throw new ProcessDied();
        }

        ThrowFault(kind, inode, offset, length, apply);
        apply(length);
        if (isDue)
        {
            Crash();
            throw new ProcessDied();
        }
    }

    /// <summary>The first broken promise counts; the code that broke it may swallow what is thrown.</summary>
    public void Report(string violation)
    {
        Violation ??= violation;
        trace.End();
    }

    /// <summary>A name appears, changes or goes; undone by a power failure before the directory is synced.</summary>
    public void SetName(string name, Inode? inode)
    {
        _unsyncedNames.Add((name, Names.GetValueOrDefault(name)));
        SetNameNow(name, inode);
    }

    public void SetNameNow(string name, Inode? inode)
    {
        if (inode is null)
        {
            Names.Remove(name);
        }
        else
        {
            Names[name] = inode;
        }
    }

    public void SyncNames() => _unsyncedNames.Clear();

    private static string NameOf(OperationKind kind, Inode? inode) =>
        (kind, inode?.IsTracking) switch
        {
            (OperationKind.Write, true) => "F write",
            (OperationKind.Sync, true) => "F sync",
            (OperationKind.Read, true) => "F read",
            (OperationKind.Allocate, true) => "F allocate",
            (OperationKind.Write, false) => "disk write",
            (OperationKind.Punch, false) => "disk punch",
            (OperationKind.Sync, false) => "disk sync",
            (OperationKind.Read, false) => "disk read",
            _ => kind.ToString(),
        };

    private long PartOf(long length) => length < 2 ? 0 : dice.Between(0, length - 1) / Inode.SectorBytes * Inode.SectorBytes;

    private void ThrowFault(OperationKind kind, Inode? inode, long offset, long length, Action<long> apply)
    {
        if (inode is null)
        {
            return;
        }

        ThrowScripted(kind, inode, offset, length, apply);
        var isTracking = inode.IsTracking;
        switch (kind)
        {
            case OperationKind.Read when dice.Chance(Faults.ReadFails):
                TrackingSuffered |= isTracking;
                throw Fail(FileError.InputOutput, "read", inode);
            case OperationKind.Write when SpaceIsOut && NeedsSpace(inode, offset, length):
                apply(PartOf(length));
                if (isTracking)
                {
                    Report($"The tracking file needs space at {offset} for a write of {length} bytes that nobody reserved.");
                }

                throw Fail(FileError.NoSpace, "write", inode);
            case OperationKind.Write or OperationKind.Punch when dice.Chance(isTracking ? Faults.TrackingWriteFails : Faults.BackingWriteFails):
                apply(dice.Chance(0.3) ? length : PartOf(length));

                // Without a lease writes go on, and a crash costs the trust in the bitmaps.
                TrackingSuffered |= isTracking && offset == TrackingFormat.OffsetOf(TrackingFormat.HeartbeatPage);
                throw Fail(FileError.InputOutput, "write", inode);
            case OperationKind.Allocate when SpaceIsOut:
                throw Fail(FileError.NoSpace, "allocate", inode);
            case OperationKind.Sync when dice.Chance(isTracking ? Faults.TrackingSyncFails : Faults.BackingSyncFails):
                inode.FailSync(dice);
                TrackingSyncFailed |= isTracking;
                TrackingSuffered |= isTracking;
                BackingSyncFailed |= inode.Name == BackingPath;
                throw Fail(FileError.InputOutput, "sync", inode);
            default:
                break;
        }
    }

    private void ThrowScripted(OperationKind kind, Inode inode, long offset, long length, Action<long> apply)
    {
        switch (Script(kind, inode, offset))
        {
            case ScriptedFault.NotDone:
                throw Fail(FileError.InputOutput, "scripted", inode);
            case ScriptedFault.DoneAllTheSame:
                apply(length);
                throw Fail(FileError.InputOutput, "scripted", inode);
            default:
                break;
        }
    }

    private FileLayerException Fail(FileError error, string what, Inode inode)
    {
        trace.Add("failed");
        HasSuffered = true;
        return new FileLayerException(error, $"{what} {inode.Name}: {error} (simulated)");
    }

    private static bool NeedsSpace(Inode inode, long offset, long length)
    {
        for (var sector = offset / Inode.SectorBytes; sector * Inode.SectorBytes < offset + length; sector++)
        {
            if ((sector + 1) * Inode.SectorBytes > inode.Reserved && !inode.Cache.ContainsKey(sector))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>The newest changes of names may be lost, each with all that came after it, or one of them alone.</summary>
    private void LosePowerUnderNames()
    {
        var cut = dice.Below(_unsyncedNames.Count + 1);
        for (var i = _unsyncedNames.Count - 1; i >= cut; i--)
        {
            SetNameNow(_unsyncedNames[i].Name, _unsyncedNames[i].Before);
        }

        _unsyncedNames.Clear();
    }
}
