using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Blocks;
using ActorBackup.Core.Identity;
using ActorBackup.Core.Jobs;
using ActorBackup.Messages.Catalog;
using ActorBackup.Messages.Disks;
using ActorBackup.Messages.Groups;
using ActorBackup.Messages.Storage;
using CsCheck;

namespace ActorBackup.Core.Tests.Journal;

/// <summary>Random events of every type.</summary>
internal static class EventGen
{
    private static readonly Gen<string> Text = Gen.OneOf(
        Gen.String.AlphaNumeric, Gen.Const(""), Gen.Const("prüfen – 磁盘 / 💾"), Gen.Const("with 'quotes' and\nlines"));

    private static readonly Gen<string?> MaybeText = Maybe(Text);
    private static readonly Gen<DateTimeOffset> Time = Gen.Long[-62_135_596_800_000, 253_402_300_799_999].Select(DateTimeOffset.FromUnixTimeMilliseconds);
    private static readonly Gen<JobId> Job = Text.Select(t => new JobId(t));
    private static readonly Gen<PointId?> MaybePoint = MaybeText.Select(t => t is null ? (PointId?)null : new PointId(t));

    private static readonly Gen<BitmapBase> Base =
        Gen.Select(Gen.Enum<BaseState>(), MaybePoint, MaybeText, (state, point, repository) => new BitmapBase(state, point, repository));

    private static readonly Gen<BackupSpec> Spec = Gen.Select(
        Gen.Select(Text, Text, Text, Gen.Enum<SyncMode>(), Gen.Enum<SyncMode>(), (id, repository, repositoryId, requested, sync) => new BackupSpec
        {
            Id = new JobId(id),
            Repository = new RepositoryName(repository),
            RepositoryId = repositoryId,
            RequestedSync = requested,
            Sync = sync,
        }),
        Gen.Select(MaybeText, MaybeText, MaybePoint, Gen.Bool, Gen.Enum<BitmapSyncPolicy>()),
        Gen.Select(Gen.ULong, Gen.ULong, Gen.Long, Gen.Int, Gen.Int),
        Gen.Bool.Array[4],
        (spec, names, numbers, flags) => spec with
        {
            FallbackReason = names.Item1,
            Bitmap = names.Item2,
            Base = names.Item3,
            Policy = names.Item4 ? names.Item5 : null,
            BitmapSet = numbers.Item1,
            SuccessorSet = numbers.Item2,
            RateBytesPerSecond = numbers.Item3,
            Workers = numbers.Item4,
            CbwTimeoutSeconds = numbers.Item5,
            OnSourceError = flags[0] ? ErrorPolicy.Ignore : ErrorPolicy.Enospc,
            OnTargetError = flags[1] ? ErrorPolicy.Stop : ErrorPolicy.Auto,
            Restarts = numbers.Item5,
            RetryOf = names.Item1 is null ? null : new JobId(names.Item1),
            RestartCount = numbers.Item4,
            Group = names.Item2 is null ? null : new GroupId(names.Item2),
            IsGrouped = flags[3],
            BreakGuestWrite = flags[1],
            AutoFinalize = flags[2],
            AutoDismiss = flags[3],
        });

    private static readonly Gen<BitmapOverlay> Overlay = Gen.Select(
        Text, Gen.ULong, Gen.Long, Gen.Bool, Gen.Bool, Base, MaybeText,
        (name, set, granularity, recording, persistent, from, job) =>
            new BitmapOverlay(name, set, granularity, recording, persistent, from, job is null ? null : new JobId(job)));

    private static readonly Gen<GroupMember> Member = Gen.Select(
        Text, Job, Gen.Bool, Gen.Enum<JobOutcome>(), MaybePoint, MaybeText,
        (disk, job, isOver, outcome, point, error) => new GroupMember(new DiskId(disk), job, isOver ? outcome : null, point, error));

    private static readonly Gen<JobConclusion> Conclusion = Gen.Select(
        Gen.Select(Gen.Enum<JobOutcome>(), Gen.Enum<BitmapRemainder>()),
        Maybe(Base),
        MaybePoint,
        Gen.Select(MaybeText, MaybeText),
        Gen.Long.Array[5].Select(n => new JobStatistics(n[0], n[1], n[2], n[3], n[4])),
        Gen.Select(Gen.Long, Gen.Long, (offset, length) => new Extent(offset, length)).Array[0, 5],
        (end, newBase, point, error, statistics, bad) =>
            new JobConclusion(end.Item1, end.Item2, newBase, point, error.Item1, error.Item2, statistics, bad));

    private static readonly Gen<NewBitmap?> Bitmap = Maybe(
        Gen.Select(Text, Gen.Bool, Gen.Long, Gen.Bool, (name, isGiven, granularity, persistent) => new NewBitmap(name, isGiven ? granularity : null, persistent)));

    private static readonly Gen<BackupOrder> Order = Gen.Select(
        Gen.Select(Text, Text, MaybeText, MaybeText),
        Gen.Select(Gen.Enum<SyncMode>(), Gen.Enum<BitmapSyncPolicy>(), Gen.Enum<ErrorPolicy>(), Gen.Enum<ErrorPolicy>()),
        Gen.Select(Gen.Long, Gen.Int.Array[4]),
        Gen.Bool.Array[6],
        (names, kinds, numbers, flags) => new BackupOrder
        {
            Repository = new RepositoryName(names.Item1),
            RepositoryId = names.Item2,
            Bitmap = names.Item3,
            RetryOf = names.Item4 is null ? null : new JobId(names.Item4),
            Sync = kinds.Item1,
            Policy = flags[0] ? kinds.Item2 : null,
            OnSourceError = kinds.Item3,
            OnTargetError = kinds.Item4,
            RateBytesPerSecond = numbers.Item1,
            Workers = numbers.Item2[0],
            CbwTimeoutSeconds = numbers.Item2[1],
            Restarts = numbers.Item2[2],
            RestartCount = numbers.Item2[3],
            WithoutBase = flags[1],
            FallbackToFull = flags[2],
            BreakGuestWrite = flags[3],
            AutoFinalize = flags[4],
            AutoDismiss = flags[5],
        });

    private static readonly Gen<DiskCommand> Action = Gen.Select(
        Text.Select(d => new DiskId(d)), Text, Gen.Long, Gen.Bool, Gen.Int[0, 4], Order,
        (disk, name, size, flag, kind, order) => kind switch
        {
            0 => (DiskCommand)new DiskCommand.StartBackup(order) { Disk = disk },
            1 => new DiskCommand.AddBitmap(name, flag ? size : null, flag, !flag) { Disk = disk },
            2 => new DiskCommand.ClearBitmap(name) { Disk = disk },
            3 => new DiskCommand.SetBitmapRecording(name, flag) { Disk = disk },
            _ => new DiskCommand.MergeBitmaps(name, flag ? [new BitmapAddress(disk, name)] : []) { Disk = disk },
        });

    public static Gen<object> Any { get; } = Gen.OneOf(
        Gen.Select(
            Gen.Select(Text, Text, Text, Text), Gen.Long, Gen.Long, Gen.Select(Gen.Bool, Gen.Bool, Gen.Bool), Time,
            (t, size, block, flags, at) => (object)new DiskEvent.DiskAdded(
                new DiskDefinition(new DiskId(t.Item1), t.Item2, size, block, t.Item3, flags.Item1, t.Item4) { IsExclusive = flags.Item2, AssumeDurable = flags.Item3 },
                at)),
        Time.Select(at => (object)new DiskEvent.DiskRemoved(at)),
        Time.Select(at => (object)new DiskEvent.DiskStopped(at)),
        Time.Select(at => (object)new DiskEvent.DiskStarted(at)),
        Gen.Select(Gen.Long, Time, (size, at) => (object)new DiskEvent.DiskResizeIntended(size, at)),
        Gen.Select(Gen.Long, Time, (size, at) => (object)new DiskEvent.DiskResized(size, at)),
        Gen.Select(Text, Text, Time, (b, t, at) => (object)new DiskEvent.DiskMoved(b, t, at)),
        Gen.Select(Text.Array[0, 5], Time, (b, at) => (object)new DiskEvent.DiskExported(b, at)),
        Time.Select(at => (object)new DiskEvent.DiskUnexported(at)),
        Gen.Select(Job, Text, Time, (j, p, at) => (object)new DiskEvent.DiskRestoreBegun(j, new PointId(p), at)),
        Time.Select(at => (object)new DiskEvent.DiskRestoreEnded(at)),
        Gen.Select(Text, Gen.ULong, Gen.Long, Gen.Bool, Gen.Bool, Base, (n, set, g, r, p, b) => (object)new DiskEvent.BitmapAdded(n, set, g, r, p, b)),
        Text.Select(n => (object)new DiskEvent.BitmapRemoved(n)),
        Text.Select(n => (object)new DiskEvent.BitmapCleared(n)),
        Gen.Select(Text, Gen.Bool, (n, r) => (object)new DiskEvent.BitmapRecordingChanged(n, r)),
        Gen.Select(Text, Text.Array[0, 5], (n, s) => (object)new DiskEvent.BitmapMerged(n, s)),
        Gen.Select(Text, Base, (n, b) => (object)new DiskEvent.BitmapBaseChanged(n, b)),
        Gen.Select(Text, Text, (n, r) => (object)new DiskEvent.BitmapInvalidated(n, r)),
        Gen.Select(Spec, Time, (s, at) => (object)new DiskEvent.JobStarted(s, at)),
        Gen.Select(Job, Gen.Enum<BitmapSyncPolicy>(), (j, p) => (object)new DiskEvent.JobPolicyChanged(j, p)),
        Gen.Select(Job, Conclusion, Time, (j, c, at) => (object)new DiskEvent.JobPending(j, new PendingJob(c.Error, c.ErrorCode, c.Statistics, c.BadExtents, at)
        {
            IsCancelled = c.Error is null,
            IsForced = c.ErrorCode is null,
        })),
        Gen.Select(Job, Conclusion, Gen.ULong, Gen.Long, Gen.Bool, Time, (j, c, g, r, p, at) => (object)new DiskEvent.JobSuspended(
            j, new SuspendedJob(g, at, c.Statistics, r, p, c.Error, c.ErrorCode))),
        Job.Array[0, 5].Select(j => (object)new DiskEvent.JobsForgotten(j)),
        Gen.Select(Job, Conclusion, Time, (j, c, at) => (object)new DiskEvent.JobConcluded(j, c, at)),
        Job.Select(j => (object)new DiskEvent.JobSettled(j)),
        Job.Select(j => (object)new DiskEvent.JobDismissed(j)),
        Gen.Select(Text, Text, (p, r) => (object)new DiskEvent.PointDeleted(new PointId(p), r)),
        Gen.Select(Text, Text, (p, r) => (object)new DiskEvent.PointGone(new PointId(p), r)),
        Gen.Select(Text, Gen.Enum<GroupCompletion>(), Overlay.Array[0, 3], Job.Array[0, 3], Gen.Select(Time, Text.Array[0, 2]), (g, c, o, j, at) => (object)new DiskEvent.GroupJoined(new GroupId(g), c, o, j, at.Item1) { Made = at.Item2 }),
        Gen.Select(Text, Gen.Enum<GroupDecision>(), (g, d) => (object)new DiskEvent.GroupDecided(new GroupId(g), d)),
        Text.Select(g => (object)new DiskEvent.GroupLeft(new GroupId(g))),
        Gen.Select(Gen.Enum<GroupCompletion>(), Text.Array[0, 4], Gen.Bool, Time, (c, d, p, at) => (object)new GroupEvent.GroupCreated(c, [.. d.Select(t => new DiskId(t))], p, at)),
        Gen.Select(Text, Gen.Bool, Time, (r, p, at) => (object)new GroupEvent.GroupRefused(r, at) { IsPassing = p }),
        Gen.Select(Member.Array[0, 3], Gen.Int[0, 1 << 30], Time, (m, h, at) => (object)new GroupEvent.GroupBegun(m, TimeSpan.FromMicroseconds(h), at)),
        Gen.Select(Gen.Enum<GroupDecision>(), MaybeText, Gen.Bool, (d, r, c) => (object)new GroupEvent.GroupDecided(d, r, c)),
        Gen.Select(Text, Member.Array[0, 3], (d, m) => (object)new GroupEvent.GroupPartEnded(new DiskId(d), m)),
        Time.Select(at => (object)new GroupEvent.GroupConcluded(at)),
        Gen.Select(Action.Array[0, 4], Gen.Int[0, 1 << 30], Gen.Int, Gen.Int, MaybeText, (a, h, r, n, of) => (object)new GroupEvent.GroupRestartable(
            a, TimeSpan.FromMicroseconds(h), r, n, of is null ? null : new GroupId(of))),
        Text.Select(g => (object)new GroupEvent.GroupRestartTried(new GroupId(g))),
        Text.Select(g => (object)new GroupEvent.GroupRestarted(new GroupId(g))),
        Gen.Select(Text, Text, Gen.Bool, (g, r, p) => (object)new GroupEvent.GroupRestartRefused(new GroupId(g), r) { IsPassing = p }),
        Gen.Const((object)new GroupEvent.GroupRestartDropped()),
        Text.Select(g => (object)new CatalogEvent.GroupRegistered(new GroupId(g))),
        Text.Select(g => (object)new CatalogEvent.GroupConcluded(new GroupId(g))),
        Text.Array[0, 3].Select(g => (object)new CatalogEvent.GroupsForgotten([.. g.Select(t => new GroupId(t))])),
        Gen.Select(Text, Text, (d, h) => (object)new CatalogEvent.DiskRegistered(new DiskId(d), h)),
        Text.Select(d => (object)new CatalogEvent.DiskUnregistered(new DiskId(d))),
        Gen.Select(Text, Text, Text, Gen.Bool, (n, u, i, d) => (object)new CatalogEvent.RepositoryAttached(new RepositoryName(n), u, i, d)),
        Text.Select(n => (object)new CatalogEvent.RepositoryDetached(new RepositoryName(n))),
        Gen.Select(
            Gen.Select(Text, Text, Text), Gen.Enum<JobKind>(), MaybeText, Gen.Select(Gen.Bool, Gen.Int, Gen.Long, MaybeText), Bitmap, Time,
            (t, kind, target, how, bitmap, at) => (object)new StorageEvent.JobStarted(
                new StorageJob(new JobId(t.Item1), kind, new PointId(t.Item2), new DiskId(t.Item3), target, how.Item1, how.Item2)
                {
                    Bitmap = bitmap,
                    RateBytesPerSecond = how.Item3,
                    RetryOf = how.Item4 is null ? null : new JobId(how.Item4),
                },
                at)),
        Gen.Select(Job, Conclusion, Time, (j, c, at) => (object)new StorageEvent.JobConcluded(j, c, at)),
        Job.Select(j => (object)new StorageEvent.JobDismissed(j)),
        Gen.Select(Job, Conclusion, Gen.Long, Gen.Bool, Gen.Long, Text, (j, c, r, p, n, t) => (object)new StorageEvent.JobSuspended(
            j, new SuspendedRead(c.Statistics, r, p, n, [.. c.BadExtents.Select(e => new ReadDamage(e, t))]))),
        Job.Select(j => (object)new StorageEvent.JobResumed(j)),
        Job.Array[0, 5].Select(j => (object)new StorageEvent.JobsForgotten(j)));

    private static Gen<T?> Maybe<T>(Gen<T> gen)
        where T : class => Gen.Select(Gen.Bool, gen, (present, value) => present ? value : null);
}
