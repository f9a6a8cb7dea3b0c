using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Identity;
using ActorBackup.Core.Jobs;
using ActorBackup.Messages;
using ActorBackup.Messages.Disks;
using ActorBackup.Recovery.Tests.Support;

namespace ActorBackup.Recovery.Tests.Lineage;

/// <summary>What must come of an order for a backup: a refusal with its reason, or a job of a level, with the reason if it is more than was asked for (rule 14).</summary>
internal sealed record StartExpectation(RefusalCode? Refusal, SyncMode Sync, bool HasReason, PointId? Base)
{
    /// <summary>Null when it depends on more than this knows.</summary>
    public static async Task<StartExpectation?> OfAsync(World world, Node node, BackupOrder order)
    {
        if (node.Files.Away.Contains(MachineRepositories.DirectoryOf(order.Repository)))
        {
            return null;
        }

        var state = node.State;
        var name = order.Sync == SyncMode.Auto ? $"auto.{order.Repository}" : order.Bitmap;
        if (name is null)
        {
            return new StartExpectation(null, SyncMode.Full, false, null);
        }

        if (!state.Bitmaps.TryGetValue(name, out var bitmap))
        {
            return order.Sync == SyncMode.Auto ? new(null, SyncMode.Full, true, null) : new(RefusalCode.UnknownBitmap, default, false, null);
        }

        if (bitmap.BusyWith is not null)
        {
            return new(RefusalCode.Busy, default, false, null);
        }

        if (order.Sync == SyncMode.Full)
        {
            return new(null, SyncMode.Full, false, null);
        }

        if (order.WithoutBase)
        {
            return order.Policy != BitmapSyncPolicy.Never && bitmap.Base.Point is not null && bitmap.Base.RepositoryId != order.RepositoryId
                ? new(RefusalCode.BaseElsewhere, default, false, null)
                : new(null, SyncMode.Bitmap, false, null);
        }

        RefusalCode? missing = bitmap.Base.Point is not { } point ? RefusalCode.NoBase
            : bitmap.Base.RepositoryId != order.RepositoryId ? RefusalCode.BaseElsewhere
            : await IsThereAsync(world, node, order, point) ? null
            : RefusalCode.BaseLost;
        return missing switch
        {
            null => new(null, SyncMode.Bitmap, false, bitmap.Base.Point),
            _ when order.FallbackToFull || order.Sync == SyncMode.Auto => new(null, SyncMode.Full, true, null),
            RefusalCode.NoBase when order.Sync == SyncMode.Bitmap => new(null, SyncMode.Bitmap, false, null),
            _ => new(missing, default, false, null),
        };
    }

    public void Check(DiskReply? reply)
    {
        switch (reply)
        {
            case DiskReply.Rejected no:
                Assert.True(Refusal == no.Refusal.Code, $"refused with {no.Refusal.Code}, not {Refusal?.ToString() ?? "at all"}: {no.Refusal.Message}");
                break;
            case DiskReply.Job { View: var view }:
                Assert.True(Refusal is null, $"{view.Sync} was started and should have been refused with {Refusal}");
                Assert.Equal(Sync, view.Sync);
                Assert.Equal(HasReason, view.FallbackReason is not null);
                break;
        }
    }

    /// <summary>One that is kept in the tracking file only is put before it is looked for.</summary>
    private static async Task<bool> IsThereAsync(World world, Node node, BackupOrder order, PointId point) =>
        node.Disk.JobsInTracking.Contains(new JobId(point.Value))
        || await (await world.OpenAsync(node, order.Repository.Value)).Data.Points.TryGetAsync(point, CancellationToken.None) is not null;
}
