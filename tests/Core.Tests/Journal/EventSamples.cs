using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Blocks;
using ActorBackup.Core.Identity;
using ActorBackup.Core.Jobs;
using ActorBackup.Messages.Catalog;
using ActorBackup.Messages.Disks;
using ActorBackup.Messages.Groups;
using ActorBackup.Messages.Storage;

namespace ActorBackup.Core.Tests.Journal;

/// <summary>The events whose bytes are kept as golden files: each type with every field set, and with as few as it allows.</summary>
internal static class EventSamples
{
    private static readonly DateTimeOffset At = new(2026, 11, 23, 4, 5, 6, 789, TimeSpan.Zero);
    private static readonly JobId Job = new("01kas1cnw0000g40r40m30e209");
    private static readonly PointId Point = new("01kas1cnw0000g40r40m30e210");

    private static readonly DiskDefinition Definition =
        new(new DiskId("db-data"), "/var/lib/images/db-data.raw", 10_737_418_240, 65_536, "/var/lib/images/.db-data.abk", true, "host-7");

    private static readonly BackupSpec FullSpec = new()
    {
        Id = Job,
        Repository = new RepositoryName("main"),
        RepositoryId = "5f0c",
        RequestedSync = SyncMode.Incremental,
        Sync = SyncMode.Bitmap,
        FallbackReason = "no base",
        Bitmap = "täglich",
        BitmapSet = 3,
        SuccessorSet = ulong.MaxValue,
        Policy = BitmapSyncPolicy.Always,
        Base = Point,
        RateBytesPerSecond = 1L << 40,
        Workers = 7,
        OnSourceError = ErrorPolicy.Ignore,
        BreakGuestWrite = true,
        CbwTimeoutSeconds = 45,
        AutoFinalize = false,
        AutoDismiss = false,
    };

    private static readonly GroupId Group = new("01kas1cnw0000g40r40m30e211");

    private static readonly GroupMember Member = new(new DiskId("db-data"), Job, JobOutcome.Failed, Point, "read failed");

    private static readonly BackupOrder FullOrder = new()
    {
        Repository = new RepositoryName("main"),
        RepositoryId = "5f0c",
        Sync = SyncMode.Bitmap,
        Bitmap = "täglich",
        Policy = BitmapSyncPolicy.Always,
        WithoutBase = true,
        FallbackToFull = true,
        RateBytesPerSecond = 1L << 40,
        Workers = 7,
        OnSourceError = ErrorPolicy.Ignore,
        OnTargetError = ErrorPolicy.Stop,
        BreakGuestWrite = true,
        CbwTimeoutSeconds = 45,
        Restarts = 3,
        RetryOf = Job,
        RestartCount = 1,
        AutoFinalize = false,
        AutoDismiss = false,
    };

    private static readonly BackupSpec LeastSpec = new()
    {
        Id = Job,
        Repository = new RepositoryName("main"),
        RepositoryId = "5f0c",
        RequestedSync = SyncMode.Auto,
        Sync = SyncMode.Full,
    };

    private static readonly JobConclusion FullConclusion = new(
        JobOutcome.Failed,
        BitmapRemainder.CopyBitmap,
        new BitmapBase(BaseState.Partial, Point, "5f0c"),
        Point,
        "read failed: Input/output error",
        "IoError",
        new JobStatistics(1, 2, 3, 4, 5),
        [new Extent(0, 65_536), new Extent(1L << 40, 512)]);

    private static readonly JobConclusion LeastConclusion =
        new(JobOutcome.Success, BitmapRemainder.Nothing, null, null, null, null, JobStatistics.Empty, []);

    public static IReadOnlyList<(string Label, object Event)> All { get; } =
    [
        ("full", new DiskEvent.DiskAdded(Definition, At)),
        ("least", new DiskEvent.DiskAdded(Definition with { IsReadOnly = false }, DateTimeOffset.UnixEpoch)),
        ("full", new DiskEvent.DiskRemoved(At)),
        ("full", new DiskEvent.DiskStopped(At)),
        ("full", new DiskEvent.DiskStarted(At)),
        ("full", new DiskEvent.DiskResizeIntended(21_474_836_480, At)),
        ("full", new DiskEvent.DiskResized(21_474_836_480, At)),
        ("full", new DiskEvent.DiskMoved("/srv/images/db-data.raw", "/var/lib/actorbackup/db-data.abktrack", At)),
        ("full", new DiskEvent.DiskExported(["täglich", "weekly"], At)),
        ("least", new DiskEvent.DiskExported([], DateTimeOffset.UnixEpoch)),
        ("full", new DiskEvent.DiskUnexported(At)),
        ("full", new DiskEvent.DiskRestoreBegun(Job, Point, At)),
        ("full", new DiskEvent.DiskRestoreEnded(At)),
        ("full", new DiskEvent.BitmapAdded("täglich", 3, 4096, true, true, new BitmapBase(BaseState.Valid, Point, "5f0c"))),
        ("least", new DiskEvent.BitmapAdded("b", 1, 512, false, false, BitmapBase.None)),
        ("full", new DiskEvent.BitmapRemoved("daily")),
        ("full", new DiskEvent.BitmapCleared("daily")),
        ("full", new DiskEvent.BitmapRecordingChanged("daily", true)),
        ("least", new DiskEvent.BitmapRecordingChanged("daily", false)),
        ("full", new DiskEvent.BitmapMerged("daily", ["weekly", "db-log/weekly"])),
        ("least", new DiskEvent.BitmapMerged("daily", [])),
        ("full", new DiskEvent.BitmapBaseChanged("daily", new BitmapBase(BaseState.Elsewhere, Point, "5f0c"))),
        ("least", new DiskEvent.BitmapBaseChanged("daily", BitmapBase.None)),
        ("full", new DiskEvent.BitmapInvalidated("daily", "the tracking file is older than the journal")),
        ("full", new DiskEvent.JobStarted(FullSpec, At)),
        ("least", new DiskEvent.JobStarted(LeastSpec, At)),
        ("zero-policy", new DiskEvent.JobStarted(LeastSpec with { Bitmap = "", Policy = BitmapSyncPolicy.Conditional }, At)),
        ("restarted", new DiskEvent.JobStarted(
            LeastSpec with { OnSourceError = ErrorPolicy.Stop, OnTargetError = ErrorPolicy.Enospc, Restarts = 2, RetryOf = new JobId(Point.Value), RestartCount = 1 }, At)),
        ("grouped", new DiskEvent.JobStarted(LeastSpec with { Group = Group, IsGrouped = true }, At)),
        ("full", new DiskEvent.JobPending(
            Job, new PendingJob("read failed", "IoError", new JobStatistics(1, 2, 3, 4, 5), [new Extent(0, 65_536), new Extent(1L << 40, 512)], At))),
        ("least", new DiskEvent.JobPending(Job, new PendingJob(null, null, JobStatistics.Empty, [], DateTimeOffset.UnixEpoch))),
        ("grouped", new DiskEvent.JobPending(
            Job, new PendingJob("cancelled", "WrongState", JobStatistics.Empty, [], At) { IsCancelled = true, IsForced = true })),
        ("full", new DiskEvent.JobSuspended(Job, new SuspendedJob(7, At, new JobStatistics(1, 2, 3, 4, 5), 1_000_000, true, "read failed", "IoError"))),
        ("least", new DiskEvent.JobSuspended(Job, new SuspendedJob(0, DateTimeOffset.UnixEpoch, JobStatistics.Empty, 0, false, null, null))),
        ("full", new DiskEvent.JobsForgotten([Job, new JobId(Point.Value)])),
        ("least", new DiskEvent.JobsForgotten([])),
        ("full", new DiskEvent.JobPolicyChanged(Job, BitmapSyncPolicy.Never)),
        ("least", new DiskEvent.JobPolicyChanged(Job, BitmapSyncPolicy.Conditional)),
        ("full", new DiskEvent.JobConcluded(Job, FullConclusion, At)),
        ("least", new DiskEvent.JobConcluded(Job, LeastConclusion, At)),
        ("full", new DiskEvent.JobSettled(Job)),
        ("full", new DiskEvent.JobDismissed(Job)),
        ("full", new DiskEvent.PointDeleted(Point, "5f0c")),
        ("full", new DiskEvent.PointGone(Point, "5f0c")),
        ("full", new DiskEvent.GroupJoined(
            Group,
            GroupCompletion.Grouped,
            [new BitmapOverlay("täglich", 7, 65_536, true, true, new BitmapBase(BaseState.Valid, Point, "5f0c"), Job)],
            [Job, new JobId(Point.Value)],
            At)),
        ("least", new DiskEvent.GroupJoined(
            Group, GroupCompletion.Individual, [new BitmapOverlay("", 0, 512, false, false, BitmapBase.None, null)], [], DateTimeOffset.UnixEpoch)),
        ("made", new DiskEvent.GroupJoined(Group, GroupCompletion.Grouped, [], [Job], At) { Made = ["auto.main", "auto.täglich"] }),
        ("full", new DiskEvent.GroupDecided(Group, GroupDecision.Force)),
        ("least", new DiskEvent.GroupDecided(Group, GroupDecision.Undo)),
        ("full", new DiskEvent.GroupLeft(Group)),
        ("full", new GroupEvent.GroupCreated(GroupCompletion.Grouped, [new DiskId("db-data"), new DiskId("db-log")], true, At)),
        ("least", new GroupEvent.GroupCreated(GroupCompletion.Individual, [new DiskId("db-data")], false, DateTimeOffset.UnixEpoch)),
        ("full", new GroupEvent.GroupRefused("disk 'db-log' is stopped", At)),
        ("passing", new GroupEvent.GroupRefused("its coordinator stopped while it began", At) { IsPassing = true }),
        ("full", new GroupEvent.GroupBegun([Member, new GroupMember(new DiskId("db-log"), Job, null, null, null)], TimeSpan.FromMilliseconds(1.5), At)),
        ("least", new GroupEvent.GroupBegun([], TimeSpan.Zero, DateTimeOffset.UnixEpoch)),
        ("full", new GroupEvent.GroupDecided(GroupDecision.Abort, "disk 'db-log': read failed", true)),
        ("least", new GroupEvent.GroupDecided(GroupDecision.Commit, null, false)),
        ("full", new GroupEvent.GroupPartEnded(new DiskId("db-data"), [Member])),
        ("least", new GroupEvent.GroupPartEnded(new DiskId("db-data"), [])),
        ("full", new GroupEvent.GroupConcluded(At)),
        ("full", new GroupEvent.GroupRestartable(
            [
                new DiskCommand.StartBackup(FullOrder) { Disk = new DiskId("db-data") },
                new DiskCommand.AddBitmap("täglich", 4096, true, true) { Disk = new DiskId("db-log") },
                new DiskCommand.ClearBitmap("daily") { Disk = new DiskId("db-log") },
                new DiskCommand.SetBitmapRecording("daily", true) { Disk = new DiskId("db-log") },
                new DiskCommand.MergeBitmaps("daily", [new BitmapAddress(new DiskId("db-log"), "weekly"), new BitmapAddress(new DiskId("db-data"), "weekly")]) { Disk = new DiskId("db-log") },
            ],
            TimeSpan.FromMilliseconds(1.5), 3, 1, Group)),
        ("least", new GroupEvent.GroupRestartable(
            [
                new DiskCommand.StartBackup(new BackupOrder { Repository = new RepositoryName("main"), RepositoryId = "5f0c" }) { Disk = new DiskId("db-data") },
                new DiskCommand.AddBitmap("", null, false, false) { Disk = new DiskId("db-log") },
                new DiskCommand.SetBitmapRecording("", false) { Disk = new DiskId("db-log") },
                new DiskCommand.MergeBitmaps("", []) { Disk = new DiskId("db-log") },
            ],
            TimeSpan.Zero, 0, 0, null)),
        ("full", new GroupEvent.GroupRestartTried(Group)),
        ("full", new GroupEvent.GroupRestarted(Group)),
        ("full", new GroupEvent.GroupRestartRefused(Group, "disk 'db-log' is stopped")),
        ("passing", new GroupEvent.GroupRestartRefused(Group, "the node of disk 'db-log' is being stopped") { IsPassing = true }),
        ("full", new GroupEvent.GroupRestartDropped()),
        ("full", new CatalogEvent.GroupRegistered(Group)),
        ("full", new CatalogEvent.GroupConcluded(Group)),
        ("full", new CatalogEvent.GroupsForgotten([Group, new GroupId(Point.Value)])),
        ("least", new CatalogEvent.GroupsForgotten([])),
        ("full", new CatalogEvent.DiskRegistered(new DiskId("db-data"), "host-7")),
        ("full", new CatalogEvent.DiskUnregistered(new DiskId("db-data"))),
        ("full", new CatalogEvent.RepositoryAttached(new RepositoryName("main"), "file:/srv/backup", "5f0c", true)),
        ("least", new CatalogEvent.RepositoryAttached(new RepositoryName("main"), "file:/srv/backup", "5f0c", false)),
        ("full", new CatalogEvent.RepositoryDetached(new RepositoryName("main"))),
        ("full", new StorageEvent.JobStarted(new StorageJob(Job, JobKind.Verify, Point, new DiskId("db-data"), "/tmp/out.raw", true, 100), At)),
        ("least", new StorageEvent.JobStarted(new StorageJob(Job, JobKind.Restore, Point, new DiskId("db-data"), null, false, 0), At)),
        ("bitmap", new StorageEvent.JobStarted(
            new StorageJob(Job, JobKind.Verify, Point, new DiskId("db-data"), "disk:db-data", false, 0) { Bitmap = new NewBitmap("täglich", 4096, true) }, At)),
        ("least-bitmap", new StorageEvent.JobStarted(
            new StorageJob(Job, JobKind.Verify, Point, new DiskId("db-data"), "disk:db-data", false, 0) { Bitmap = new NewBitmap("", null, false) }, At)),
        ("retry", new StorageEvent.JobStarted(
            new StorageJob(Job, JobKind.Restore, Point, new DiskId("db-data"), "/tmp/out.raw", true, 0) { RateBytesPerSecond = 1_000_000, RetryOf = new JobId(Point.Value) }, At)),
        ("full", new StorageEvent.JobConcluded(Job, FullConclusion, At)),
        ("least", new StorageEvent.JobConcluded(Job, LeastConclusion, At)),
        ("full", new StorageEvent.JobDismissed(Job)),
        ("full", new StorageEvent.JobSuspended(
            Job, new SuspendedRead(new JobStatistics(1, 2, 3, 4, 5), 1_000_000, true, 77, [new ReadDamage(new Extent(1L << 40, 512), "block ä is in no pack")]))),
        ("least", new StorageEvent.JobSuspended(Job, new SuspendedRead(JobStatistics.Empty, 0, false, 0, []))),
        ("full", new StorageEvent.JobResumed(Job)),
        ("full", new StorageEvent.JobsForgotten([Job, new JobId(Point.Value)])),
        ("least", new StorageEvent.JobsForgotten([])),
    ];
}
