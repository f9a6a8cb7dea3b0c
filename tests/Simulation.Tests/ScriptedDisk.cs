using ActorBackup.Core.Blocks;
using ActorBackup.Messages.Disks;
using ActorBackup.Simulation.Tests.Disks;
using ActorBackup.Simulation.Tests.Machines;
using ActorBackup.Simulation.Tests.Model;
using ActorBackup.Volumes;
using ActorBackup.Volumes.Tracking;
using DiskDefinition = ActorBackup.Messages.Disks.DiskDefinition;

namespace ActorBackup.Simulation.Tests;

/// <summary>A disk whose failures and deaths a test chooses: the simulation's pieces without its chances. What is left to the seed is the order of what runs at once.</summary>
internal sealed class ScriptedDisk
{
    public const int BlockBytes = 16 * 1024;
    public const int BlockCount = 192;

    private const int StepsMax = 20_000;

    public ScriptedDisk(ulong seed, OrderGuards order)
    {
        World = new World(new Dice(seed), TrackingGuards.On, order, FaultPlan.None, new BlockGeometry((long)BlockBytes * BlockCount, BlockBytes));
        var process = World.Machine.StartProcess(null);
        TrackedDisk.Create(new SimFileLayer(World.Machine, process), Machine.TrackingPath, World.DiskId, Machine.BackingPath, BlockBytes, false);
        World.Journal.Record(process, [new DiskEvent.DiskAdded(
            new DiskDefinition(World.DiskId, Machine.BackingPath, World.Geometry.SizeBytes, BlockBytes, Machine.TrackingPath, false, "host"), World.Machine.Now)]);
        World.Machine.EndProcess();
    }

    public World World { get; }

    public string? Violation => World.Machine.Violation;

    /// <summary>Whether an operation stores something in the tracking file that is not the lease.</summary>
    public static bool IsStore(OperationKind kind, Inode inode, long offset) =>
        kind == OperationKind.Write && inode.IsTracking && offset != TrackingFormat.OffsetOf(TrackingFormat.HeartbeatPage);

    public static bool IsSuperblock(OperationKind kind, Inode inode, long offset) => kind == OperationKind.Write && inode.IsTracking && offset < TrackingFormat.OffsetOf(TrackingFormat.HeartbeatPage);

    /// <summary>A process from its opening until it is killed: when the work is done and its jobs have ended, if not before.</summary>
    /// <param name="opened">Called between the opening and all else.</param>
    /// <param name="work">As a command to the disk's actor, after the first try to recover.</param>
    public void Live(Action opened, Func<DiskProcess, Task> work)
    {
        World.IsClean = false;
        var process = new DiskProcess(World, null);
        var isDone = false;
        try
        {
            process.Open();
            opened();
            process.Tell(async () =>
            {
                await work(process);
                isDone = true;
            });
            process.Start(() => process.RunActorAsync(() => Task.CompletedTask));
        }
        catch (ProcessDied)
        {
            // As planned.
        }

        for (var steps = 0; World.Machine.IsUp && Violation is null && !(isDone && process.IsIdle && process.Running.Count == 0); steps++)
        {
            if (steps == StepsMax)
            {
                World.Report("stuck");
            }

            process.Step();
        }

        World.Machine.Crash();
        World.Ended();
    }

    /// <summary>Kills the process in the middle of its work.</summary>
    public void Die()
    {
        World.Machine.Crash();
        throw new ProcessDied();
    }

    /// <summary>A guest's write of one block.</summary>
    public async Task WriteAsync(DiskProcess process, long block)
    {
        var extent = World.Geometry.ExtentOf(block);
        World.TouchedRegions.Add(extent.Offset / World.RegionBytes);
        var data = new byte[extent.Length];
        Array.Fill(data, (byte)(block + 1));
        await process.Disk.WriteAsync(extent.Offset, data, false, CancellationToken.None);
    }
}
