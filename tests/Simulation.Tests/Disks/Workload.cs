using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Identity;
using ActorBackup.Core.Jobs;
using ActorBackup.Domain.Disks;
using ActorBackup.Messages.Disks;
using ActorBackup.Simulation.Tests.Model;

namespace ActorBackup.Simulation.Tests.Disks;

/// <summary>What users ask the disk's actor for, at random.</summary>
internal sealed class Workload(World world, DiskProcess process)
{
    private const int BitmapsMax = 4;

    private static readonly long[] Granularities = [512, 4096, 65536, 1 << 20, 1 << 23];

    private readonly BitmapCommands _bitmaps = new(world, process);

    public async Task NextAsync()
    {
        world.Statistics.Commands++;
        try
        {
            await ChooseAsync();
        }
        catch (Exception e) when (BackupJob.IsExpected(e))
        {
            world.Trace.Add("command failed: " + e.Message);
        }
    }

    /// <summary>A full backup of the bitmap, or one of what it says, to the end if nobody disturbs it.</summary>
    public async Task StartBackupAsync(BackupOrder order)
    {
        var state = process.State;
        var look = BackupDecider.BaseToLookFor(state, order);
        if (await process.Work.FindBaseAsync(look) is not { } found)
        {
            world.Trace.Add("repository refuses");
            return;
        }

        var job = new JobId(SortableId.Create(world.Machine.Now, BitConverter.GetBytes(world.Dice.Next()).Concat(new byte[2]).ToArray()));
        var decision = BackupDecider.Start(state, World.DiskId, order, found, job, world.Machine.Now);
        if (decision.Events.IsEmpty)
        {
            world.Trace.Add("backup refused");
            return;
        }

        if (decision.Events.OfType<DiskEvent.BitmapAdded>().FirstOrDefault() is { } added)
        {
            await _bitmaps.AddAsync(added);
        }

        await process.RecordAsync(decision.Events);
        world.Statistics.Jobs++;
        process.Work.StartJob(process.State.Jobs[job.Value].Spec);
    }

    private Task ChooseAsync()
    {
        var dice = world.Dice;
        var bitmaps = process.State.Bitmaps.Values.ToList();
        if (bitmaps.FirstOrDefault(b => b.InconsistentReason is not null && b.BusyWith is null) is { } lost)
        {
            return _bitmaps.RemoveAsync(lost.Name);
        }

        if (bitmaps.Count == 0 || (bitmaps.Count < BitmapsMax && dice.Chance(0.15)))
        {
            return _bitmaps.AddAsync($"b{dice.Below(100)}", dice.Pick(Granularities), dice.Chance(0.9), dice.Chance(0.9));
        }

        var bitmap = dice.Pick(bitmaps);
        switch (dice.Below(20))
        {
            case < 9:
                return StartBackupAsync(process.Work.Vary(DrawOrder(bitmap)));
            case < 10:
                return _bitmaps.RemoveAsync(bitmap.Name);
            case < 12:
                return _bitmaps.ClearAsync(bitmap.Name);
            case < 14:
                return _bitmaps.SetRecordingAsync(bitmap.Name, !bitmap.Recording);
            case < 15:
                return _bitmaps.MergeAsync(bitmap.Name, [dice.Pick(bitmaps).Name]);
            case < 17 when process.Running.Count > 0:
                dice.Pick([.. process.Running.Values]).Cancel(dice.Chance(0.3));
                return Task.CompletedTask;
            case < 18 when world.Repository.Points.Values.OfType<SimPoint>().ToList() is { Count: > 0 } points:
                return process.Work.DeletePointAsync(dice.Pick(points).Id);
            default:
                world.Machine.SpaceIsOut = dice.Chance(world.Machine.Faults.SpaceRunsOut);
                world.Repository.IsAway = dice.Chance(world.Machine.Faults.RepositoryIsAway);
                return Task.CompletedTask;
        }
    }

    private BackupOrder DrawOrder(BitmapState bitmap)
    {
        var dice = world.Dice;
        var order = new BackupOrder
        {
            Repository = new RepositoryName("r"),
            RepositoryId = World.RepositoryId,
            Sync = SyncMode.Full,
            Bitmap = bitmap.Name,
            BreakGuestWrite = dice.Chance(0.3),
            Policy = dice.Pick([BitmapSyncPolicy.Always, BitmapSyncPolicy.Always, BitmapSyncPolicy.Conditional, BitmapSyncPolicy.Never]),
        };
        if (dice.Chance(0.1))
        {
            return order with { Sync = SyncMode.Auto, Bitmap = null, Policy = null };
        }

        if (dice.Chance(0.1))
        {
            return order with { Bitmap = null, Policy = null };
        }

        return bitmap.Base.State switch
        {
            BaseState.None => order.Policy == BitmapSyncPolicy.Never ? order with { Policy = BitmapSyncPolicy.Always } : order,
            _ when dice.Chance(0.8) => order with { Sync = SyncMode.Bitmap },
            _ => order.Policy == BitmapSyncPolicy.Never ? order with { Policy = BitmapSyncPolicy.Always } : order,
        };
    }
}
