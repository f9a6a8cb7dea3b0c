using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Blocks;
using ActorBackup.Core.Identity;
using ActorBackup.Messages.Disks;
using ActorBackup.Simulation.Tests.Disks;
using ActorBackup.Simulation.Tests.Machines;
using ActorBackup.Volumes.Tracking;

namespace ActorBackup.Simulation.Tests.Model;

/// <summary>All that outlives a process, real and model: the machine's files, journal, repository, and what the simulation knows to be true.</summary>
internal sealed class World
{
    public const long RegionBytes = 1 << 20;
    public const string RepositoryId = "01m850d483zesd3ybs456nm6r1";

    public static readonly DiskId DiskId = new("d");

    private (Inode File, TrackingExpectation? Registered)? _copy;

    public World(Dice dice, TrackingGuards guards, OrderGuards order)
        : this(dice, guards, order, FaultPlan.Draw(dice), DrawGeometry(dice))
    {
    }

    public World(Dice dice, TrackingGuards guards, OrderGuards order, FaultPlan faults, BlockGeometry geometry)
    {
        (Guards, Order, Dice, Geometry) = (guards, order, dice, geometry);
        Machine = new Machine(Dice, Trace, faults);
        Journal = new SimJournal(Machine) { Recorded = Recorded };
        Repository = new SimRepository(Machine) { PointAppeared = PointAppeared };
        NewWork = static (world, process) => new ToyWork(world, process);
        Machine.Names[Machine.BackingPath] = NewBacking(geometry.SizeBytes);
        Machine.BackingChanged = BackingChanged;
    }

    public TrackingGuards Guards { get; }

    public OrderGuards Order { get; }

    public Dice Dice { get; }

    public Trace Trace { get; } = new();

    public Machine Machine { get; }

    public SimJournal Journal { get; }

    /// <summary>What the checks compare with.</summary>
    public RepositoryModel Repository { get; private set; }

    /// <summary>The same where it is a toy.</summary>
    public SimRepository Toy => (SimRepository)Repository;

    /// <summary>How a process works with it.</summary>
    public Func<World, DiskProcess, IRepositoryWork> NewWork { get; private set; }

    public BlockGeometry Geometry { get; }

    public GuestHistory History { get; } = new();

    /// <summary>By set id.</summary>
    public Dictionary<ulong, ShadowBitmap> Shadows { get; } = [];

    /// <summary>The disk at the instants of jobs.</summary>
    public Dictionary<JobId, Dictionary<long, byte[]>> Instants { get; } = [];

    /// <summary>Every point that there ever was, or that a pair stands for.</summary>
    public Dictionary<PointId, SimPoint> KnownPoints { get; } = [];

    /// <summary>Regions that a guest ever wrote to: no other can have an intent.</summary>
    public HashSet<long> TouchedRegions { get; } = [];

    /// <summary>Guests' writes that were not answered yet: their bits may be set before they reach the backing.</summary>
    public List<(long Offset, long Length)> InFlight { get; } = [];

    public Statistics Statistics { get; } = new();

    /// <summary>The last process stopped orderly, and nothing has failed it.</summary>
    public bool IsClean { get; set; }

    /// <summary>Something happened for which bitmaps may become inconsistent.</summary>
    public bool MayDistrust { get; private set; }

    /// <summary>Why the next opening must not believe any bitmap.</summary>
    public string? MustDistrust { get; set; }

    public void Report(string violation) => Machine.Report(violation);

    /// <summary>In place of the toy.</summary>
    public void Use(RepositoryModel repository, Func<World, DiskProcess, IRepositoryWork> newWork)
    {
        repository.PointAppeared = PointAppeared;
        (Repository, NewWork) = (repository, newWork);
    }

    /// <summary>Intents that cannot be read count as all set.</summary>
    public void BlurIfOpeningSuffered()
    {
        if (Machine.HasSuffered)
        {
            foreach (var shadow in Shadows.Values)
            {
                shadow.Blur(0, Geometry.SizeBytes);
            }
        }
    }

    /// <summary>A process is gone. What was under way is unknown, and regions with an intent may be all dirty.</summary>
    public void Ended()
    {
        InFlight.Clear();
        MayDistrust |= Machine.TrackingSuffered || Machine.BackingSyncFailed;
        if (!IsClean)
        {
            Statistics.Crashes++;
            foreach (var shadow in Shadows.Values)
            {
                TouchedRegions.ToList().ForEach(r => shadow.Blur(r * RegionBytes, RegionBytes));
            }
        }

        foreach (var set in Shadows.Keys.Where(s => Journal.State.Bitmaps.Values.All(b => b.SetId != s || !b.Persistent)).ToList())
        {
            Shadows.Remove(set);
        }

        foreach (var bitmap in Journal.State.Bitmaps.Values.Where(b => Shadows.ContainsKey(b.SetId)))
        {
            // The tracking file may still, or already, record what the journal says is disabled, until recovery has tidied.
            var shadow = Shadows[bitmap.SetId];
            (shadow.IsRecording, shadow.IsUnsure) = (bitmap.Recording, !bitmap.Recording);
        }

        if (History.Check(Machine.Backing.Cache, !Machine.PowerWasLost && !Machine.BackingSyncFailed) is { } wrong)
        {
            Report($"after the end of a process: {wrong}");
        }

        if (Machine.PowerWasLost)
        {
            History.Restart(Machine.Backing.Cache);
        }
    }

    /// <summary>Somebody keeps a copy of the tracking file.</summary>
    public void KeepCopy() => _copy = (Machine.Tracking!.Copy(Machine.TrackingPath), Journal.Registered);

    /// <summary>Somebody brings the copy back, or puts another disk's file there.</summary>
    public void ReplaceTracking()
    {
        if (_copy is not { } copy)
        {
            return;
        }

        Trace.Add("tracking file rolled back");
        Machine.SetNameNow(Machine.TrackingPath, copy.File.Copy(Machine.TrackingPath));
        if (Journal.Registered != copy.Registered)
        {
            // Else no process wrote anything since the copy was taken, and the copy is as good.
            MayDistrust = true;
            MustDistrust = "its tracking file was rolled back";
        }
    }

    /// <summary>Somebody writes to the backing while no process serves it.</summary>
    public void ChangeBacking(long offset)
    {
        Trace.Add("backing changed from outside");
        var content = new byte[Inode.SectorBytes];
        Array.Fill(content, (byte)Dice.Below(256));
        History.Changed(Machine.Backing.Write(offset, content.AsSpan(0, (int)Math.Min(content.Length, Geometry.SizeBytes - offset))));
        Machine.Backing.Sync();
        Machine.Now += TimeSpan.FromSeconds(1);
        Machine.Backing.ModifiedAt = Machine.Now;
        MayDistrust = true;
        MustDistrust = "its backing was changed from outside";
    }

    /// <summary>What of a job's frozen bits stays.</summary>
    public bool[]? Remains(ShadowBitmap shadow, BitmapRemainder remainder, PointId? point, bool[]? frozen) =>
        remainder switch
        {
            BitmapRemainder.Nothing => null,
            BitmapRemainder.CopyBitmap => shadow.UnitsOf(KnownPoints[point!.Value].Missing, Geometry),
            _ => frozen,
        };

    private static BlockGeometry DrawGeometry(Dice dice)
    {
        var blockBytes = dice.Pick([4096, 4096, 16384, 65536]);
        return new BlockGeometry((dice.Pick([3, 6, 20]) * RegionBytes) + (dice.Pick([0, 1, 9]) * Granularity.SectorBytes), blockBytes);
    }

    private static Inode NewBacking(long sizeBytes)
    {
        var backing = new Inode(Machine.BackingPath);
        backing.Resize(sizeBytes, 0);
        backing.Sync();
        return backing;
    }

    private void BackingChanged(long offset, long length, IReadOnlyList<(long Sector, byte[]? Content)> sectors)
    {
        History.Changed(sectors);
        foreach (var shadow in Shadows.Values)
        {
            shadow.Touch(offset, length);
        }
    }

    private void PointAppeared(SimPoint point)
    {
        KnownPoints[point.Id] = point;
        Statistics.Points++;
        if (Checks.PointCheck.Compare(this, point) is { } wrong)
        {
            Report(wrong);
        }
    }

    private void Recorded(DiskEvent e)
    {
        switch (e)
        {
            case DiskEvent.JobConcluded { Conclusion: var conclusion } x when Journal.State.Jobs[x.Job.Value].Spec is { Bitmap: not null } spec
                && Shadows.TryGetValue(spec.BitmapSet, out var shadow):
                shadow.Conclude(s => Remains(s, conclusion.Remainder, conclusion.Point, s.FrozenMust));
                break;
            case DiskEvent.BitmapRemoved:
                foreach (var gone in Shadows.Keys.Where(s => Journal.State.Bitmaps.Values.All(b => b.SetId != s)).ToList())
                {
                    Shadows.Remove(gone);
                }

                break;
            default:
                break;
        }
    }
}
