using ActorBackup.Simulation.Tests.Machines;
using ActorBackup.Volumes;
using ActorBackup.Volumes.Tracking;

namespace ActorBackup.Simulation.Tests;

/// <summary>A process is killed at any operation, the next one at any operation of its opening, and then the power fails: every combination.</summary>
/// <remarks>
/// The newest superblock may be in the page cache only. Its predecessor, which is the one on the medium, needs pages that the new one does not.
/// </remarks>
public sealed class KillThenPowerLossTests
{
    private const int SizeBytes = 3 << 20;
    private const int Throws = 4;

    // Late enough for the pages at the front of the file to be in use again, where an opening begins to look for free ones.
    private const int FirstOperation = 60;
    private const int LastOperation = 180;
    private const int FirstOfOpening = 8;
    private const int LastOfOpening = 20;

    [Fact]
    public void Rule_2_Pages_of_an_older_superblock_are_not_used_again_before_the_newer_one_is_durable() => Assert.Null(SimThread.Run(() => FindViolation(TrackingGuards.On)));

    [Fact]
    public void Without_the_sync_at_the_opening_a_bitmap_is_lost() =>
        Assert.NotNull(SimThread.Run(() => FindViolation(TrackingGuards.On with { SyncBeforeReuse = false })));

    /// <summary>The opening goes on with the superblock that it can read, and after the power failure both can be read again.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void Rule_2_Pages_of_a_superblock_that_could_not_be_read_are_not_used_before_there_is_a_newer_one(int slot) =>
        Assert.Null(SimThread.Run(() => FindViolation(TrackingGuards.On, slot)));

    [Fact]
    public void Without_keeping_the_pages_of_an_unreadable_superblock_the_file_is_lost() =>
        Assert.NotNull(SimThread.Run(() =>
        {
            var guards = TrackingGuards.On with { KeepPagesOfDamagedSuperblock = false };
            return FindViolation(guards, 0) ?? FindViolation(guards, 1);
        }));

    private static string? FindViolation(TrackingGuards guards, int? unreadable = null)
    {
        for (var killed = FirstOperation; killed <= LastOperation; killed++)
        {
            for (var failed = FirstOfOpening * Throws; failed <= LastOfOpening * Throws; failed++)
            {
                if (Run(guards, killed, failed / Throws, failed % Throws, unreadable) is { } violation)
                {
                    return $"killed at operation {killed}, power lost at operation {failed / Throws} of the opening: {violation}";
                }
            }
        }

        return null;
    }

    private static string? Run(TrackingGuards guards, int killed, int failed, int dicesThrow, int? unreadable)
    {
        var machine = BareDisk.Create((ulong)((killed * 10_000) + (failed * 100) + dicesThrow), SizeBytes, 65536);

        // Two sets, so that checkpoints keep pages of one and replace those of the other.
        BareDisk.Live(machine, guards, null, async disk =>
        {
            await disk.AddBitmapAsync(1, 512, true, false);
            await disk.AddBitmapAsync(2, 512, true, false);
        });
        BareDisk.Live(machine, guards, new CrashPlan(killed, 2), WriteAndMarkAsync);
        machine.Script = (kind, inode, offset) =>
            kind == OperationKind.Read && inode.IsTracking && offset == unreadable * TrackingFormat.PageBytes ? ScriptedFault.NotDone : ScriptedFault.None;
        BareDisk.Live(machine, guards, new CrashPlan(failed, 2), _ => Task.CompletedTask);
        machine.Script = static (_, _, _) => ScriptedFault.None;
        machine.LosePower();
        string? reason = null;
        try
        {
            BareDisk.Live(machine, guards, null, disk =>
            {
                reason = disk.InconsistentReason(1) ?? disk.InconsistentReason(2);
                reason = unreadable is not null && reason?.Contains("a superblock", StringComparison.Ordinal) == true ? null : reason;
                return Task.CompletedTask;
            });
        }
        catch (VolumeException e)
        {
            reason = e.Message;
        }

        return reason;
    }

    private static async Task WriteAndMarkAsync(TrackedDisk disk)
    {
        for (var i = 0; i < 30; i++)
        {
            await disk.WriteAsync(i % 8 * 100_000, new byte[] { 1 }, false, CancellationToken.None);
            await disk.MarkAsync(1 + ((ulong)i % 2), [new(1_000_000 + (i * 50_000), 512)]);
        }
    }
}
