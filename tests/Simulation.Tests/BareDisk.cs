using ActorBackup.Core.Identity;
using ActorBackup.Simulation.Tests.Machines;
using ActorBackup.Volumes;
using ActorBackup.Volumes.Tracking;

namespace ActorBackup.Simulation.Tests;

/// <summary>A tracked disk alone: no journal, no repository, no actor.</summary>
internal static class BareDisk
{
    /// <summary>A machine with a backing of zeroes, all of it durable, and a new tracking file.</summary>
    public static Machine Create(ulong seed, long sizeBytes, int blockBytes)
    {
        var machine = new Machine(new Dice(seed), new Trace(), FaultPlan.None);
        var backing = new Inode(Machine.BackingPath);
        backing.Resize(sizeBytes, 0);
        backing.Sync();
        machine.Names[Machine.BackingPath] = backing;
        TrackedDisk.Create(new SimFileLayer(machine, machine.StartProcess(null)), Machine.TrackingPath, new DiskId("d"), Machine.BackingPath, blockBytes, false);
        return machine;
    }

    /// <summary>A process that opens the disk, does the work and is killed: after it, or at the planned operation.</summary>
    /// <exception cref="VolumeException">It cannot be opened.</exception>
    public static void Live(Machine machine, TrackingGuards guards, CrashPlan? crash, Func<TrackedDisk, Task> work)
    {
        try
        {
            var process = machine.StartProcess(crash);
            var scheduler = new SimScheduler(machine, machine.Dice);
            var clock = new SimClock(machine, scheduler);
            var disk = TrackedDisk.OpenAsync(new SimFileLayer(machine, process), scheduler, clock, Machine.TrackingPath, null, witness: null, guards).GetAwaiter().GetResult();
            disk.AllowWrites();
            var done = work(disk);
            while (!done.IsCompleted && !scheduler.IsEmpty)
            {
                scheduler.RunOne();
            }

            Assert.True(done.IsCompleted || crash is not null);
            if (done.IsCompleted)
            {
                done.GetAwaiter().GetResult();
            }
        }
        catch (ProcessDied) when (crash is not null)
        {
            // As planned.
        }

        machine.Crash();
    }
}
