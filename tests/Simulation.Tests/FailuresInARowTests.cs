using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Identity;
using ActorBackup.Core.Jobs;
using ActorBackup.Messages.Disks;
using ActorBackup.Simulation.Tests.Disks;
using ActorBackup.Simulation.Tests.Machines;
using ActorBackup.Simulation.Tests.Model;

namespace ActorBackup.Simulation.Tests;

/// <summary>Guards that matter only after two failures and a death in a row, which hardly any seed of the simulation has: here they are aimed at.</summary>
public sealed class FailuresInARowTests
{
    private const ulong Seeds = 40;

    // Of the superblocks that are stored while the backup runs, the last one that is tried.
    private const int SuperblocksMax = 5;
    private const string Bitmap = "b";

    [Fact]
    public void Rule_11_A_pair_that_is_newer_than_the_point_does_not_settle_the_bitmap() => Assert.Null(FirstViolation(OrderGuards.On, RunLatePair));

    [Theory]
    [InlineData(nameof(OrderGuards.PairMatchesPoint))]
    [InlineData(nameof(OrderGuards.CopyMatchesPoint))]
    public void Without_the_comparison_of_pair_and_point_a_bitmap_lacks_what_the_point_lacks(string guard)
    {
        var order = guard == nameof(OrderGuards.PairMatchesPoint) ? OrderGuards.On with { PairMatchesPoint = false } : OrderGuards.On with { CopyMatchesPoint = false };
        Assert.Contains("lacks unit", FirstViolation(order, RunLatePair), StringComparison.Ordinal);
    }

    [Fact]
    public void Rule_11_A_bitmap_that_was_disabled_before_two_deaths_stays_disabled() => Assert.Null(FirstViolation(OrderGuards.On, RunLateDisabling));

    [Fact]
    public void Without_disabling_again_a_disabled_bitmap_changes() =>
        Assert.Contains("which nobody wrote", FirstViolation(OrderGuards.On with { DisableAfterSettling = false }, RunLateDisabling), StringComparison.Ordinal);

    private static string? FirstViolation(OrderGuards order, Func<ulong, OrderGuards, string?> run) =>
        SimThread.Run(() =>
        {
            for (var seed = 1UL; seed <= Seeds; seed++)
            {
                if (run(seed, order) is { } violation)
                {
                    return $"seed {seed}: {violation}";
                }
            }

            return null;
        });

    /// <summary>
    /// A checkpoint of a backup reaches the tracking file although its write fails, and every later one fails: the job ends with a point that is made of the
    /// checkpoint before, and the process dies before the bitmap is settled. The next one finds the conclusion, the point, and a pair that goes beyond it.
    /// </summary>
    private static string? RunLatePair(ulong seed, OrderGuards order)
    {
        for (var fatal = 1; fatal <= SuperblocksMax; fatal++)
        {
            var disk = new ScriptedDisk(seed, order);
            disk.Live(static () => { }, async process =>
            {
                // Blocks of zeroes between blocks with content: the former change the copy bitmap and not the tree.
                for (var block = 0L; block < ScriptedDisk.BlockCount; block += 2)
                {
                    await disk.WriteAsync(process, block);
                }

                await new BitmapCommands(disk.World, process).AddAsync(Bitmap, ScriptedDisk.BlockBytes, recording: true, persistent: true);
                await StartBackupAsync(disk, process);
                disk.World.Machine.Script = LastsUntilSuperblock(fatal);
            });
            disk.World.Machine.Script = Nothing;
            disk.Live(static () => { }, static process => Task.CompletedTask);
            if (disk.Violation is { } violation)
            {
                return $"superblock {fatal}: {violation}";
            }
        }

        return null;
    }

    private static Func<OperationKind, Inode, long, ScriptedFault> LastsUntilSuperblock(int fatal)
    {
        var superblocks = 0;
        return (kind, inode, offset) =>
        {
            superblocks += ScriptedDisk.IsSuperblock(kind, inode, offset) ? 1 : 0;
            var isFatal = superblocks == fatal && ScriptedDisk.IsSuperblock(kind, inode, offset);
            return isFatal ? ScriptedFault.DoneAllTheSame
                : superblocks >= fatal && ScriptedDisk.IsStore(kind, inode, offset) ? ScriptedFault.NotDone
                : ScriptedFault.None;
        };
    }

    /// <summary>
    /// A process dies after the journal knows that a bitmap is disabled and before the tracking file does. The next one cannot store it, begins a backup of that
    /// bitmap all the same, and dies: the bitmap is busy when the third one finds that it records.
    /// </summary>
    private static string? RunLateDisabling(ulong seed, OrderGuards order)
    {
        var disk = new ScriptedDisk(seed, order);
        disk.Live(static () => { }, async process =>
        {
            var bitmaps = new BitmapCommands(disk.World, process);
            await bitmaps.AddAsync(Bitmap, ScriptedDisk.BlockBytes, recording: true, persistent: true);
            disk.World.Machine.Script = (kind, inode, offset) =>
            {
                if (ScriptedDisk.IsStore(kind, inode, offset))
                {
                    disk.Die();
                }

                return ScriptedFault.None;
            };
            await bitmaps.SetRecordingAsync(Bitmap, false);
        });
        disk.World.Machine.Script = Nothing;
        disk.Live(
            () => disk.World.Machine.Script = static (kind, inode, offset) => ScriptedDisk.IsStore(kind, inode, offset) ? ScriptedFault.NotDone : ScriptedFault.None,
            async process =>
            {
                disk.World.Machine.Script = Nothing;
                await StartBackupAsync(disk, process);
                disk.Die();
            });

        // Into a region that no intent covers.
        disk.Live(static () => { }, process => disk.WriteAsync(process, ScriptedDisk.BlockCount - 1));
        return disk.Violation;
    }

    private static ScriptedFault Nothing(OperationKind kind, Inode inode, long offset) => ScriptedFault.None;

    private static Task StartBackupAsync(ScriptedDisk disk, DiskProcess process) =>
        new Workload(disk.World, process).StartBackupAsync(new BackupOrder
        {
            Repository = new RepositoryName("r"),
            RepositoryId = World.RepositoryId,
            Sync = SyncMode.Full,
            Bitmap = Bitmap,
            Policy = BitmapSyncPolicy.Always,
        });
}
