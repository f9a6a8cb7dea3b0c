using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Identity;
using ActorBackup.Core.Jobs;
using ActorBackup.Domain;
using ActorBackup.Domain.Disks;
using ActorBackup.Messages;
using ActorBackup.Messages.Disks;

namespace ActorBackup.Core.Tests.Disks;

/// <summary>States and commands of one disk, for tests of its deciders.</summary>
internal static class Given
{
    public const string RepositoryId = "repo-id";

    public static readonly DiskId Disk = new("vda");
    public static readonly RepositoryName Repository = new("main");
    public static readonly DateTimeOffset Now = new(2026, 11, 23, 4, 0, 0, TimeSpan.Zero);
    public static readonly JobId Job = new("job-1");
    public static readonly PointId Point = new("point-1");
    public static readonly BitmapBase Base = new(BaseState.Valid, Point, RepositoryId);

    public static DiskState Online { get; } =
        DiskState.Empty.After(new DiskEvent.DiskAdded(new DiskDefinition(Disk, "/images/vda.raw", 1 << 20, 65_536, "/images/.vda", false, "host"), Now));

    public static DiskState After(this DiskState state, params ReadOnlySpan<DiskEvent> events)
    {
        foreach (var e in events)
        {
            state = DiskTransitions.Apply(state, e);
        }

        return state;
    }

    public static DiskState After(this DiskState state, Decision<DiskEvent> decision) => state.After(decision.Events.AsSpan());

    public static DiskState WithBitmap(this DiskState state, string name, BitmapBase? newBase = null, bool recording = true) =>
        state.After(new DiskEvent.BitmapAdded(name, state.NextSetId, 65_536, recording, true, newBase ?? BitmapBase.None));

    public static DiskState WithBusyBitmap(this DiskState state, string name) => state.WithBitmap(name).WithJob(name);

    public static DiskState WithJob(this DiskState state, string bitmap, BitmapSyncPolicy policy = BitmapSyncPolicy.Always, SyncMode sync = SyncMode.Full) =>
        state.After(new DiskEvent.JobStarted(Spec(state, bitmap, policy, sync), Now));

    public static DiskState WithInconsistentBitmap(this DiskState state, string name) =>
        state.WithBitmap(name, Base).After(new DiskEvent.BitmapInvalidated(name, "test"));

    public static BackupSpec Spec(DiskState state, string? bitmap, BitmapSyncPolicy? policy, SyncMode sync) => new()
    {
        Id = Job,
        Repository = Repository,
        RepositoryId = RepositoryId,
        RequestedSync = sync,
        Sync = sync,
        Bitmap = bitmap,
        BitmapSet = bitmap is null ? 0 : state.Bitmaps[bitmap].SetId,
        SuccessorSet = bitmap is null ? 0 : state.NextSetId,
        Policy = policy,
        Base = sync == SyncMode.Bitmap ? state.Bitmaps[bitmap!].Base.Point : null,
    };

    public static BackupOrder Order(SyncMode sync, string? bitmap = null, BitmapSyncPolicy? policy = null) =>
        new() { Repository = Repository, RepositoryId = RepositoryId, Sync = sync, Bitmap = bitmap, Policy = policy };

    public static void AssertRefused(RefusalCode code, Decision<DiskEvent> decision)
    {
        Assert.NotNull(decision.Refusal);
        Assert.Equal(code, decision.Refusal.Code);
        Assert.Empty(decision.Events);
        Assert.DoesNotContain("\n", decision.Refusal.Message, StringComparison.Ordinal);
    }

    public static TEvent AssertAccepted<TEvent>(Decision<DiskEvent> decision)
        where TEvent : DiskEvent
    {
        Assert.Null(decision.Refusal);
        return Assert.IsType<TEvent>(Assert.Single(decision.Events));
    }
}
