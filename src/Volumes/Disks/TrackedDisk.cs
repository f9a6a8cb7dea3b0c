using ActorBackup.Core.Blocks;
using ActorBackup.Core.Identity;
using ActorBackup.Files;
using ActorBackup.Volumes.Backings;
using ActorBackup.Volumes.Disks;
using ActorBackup.Volumes.Scheduling;
using ActorBackup.Volumes.Snapshots;
using ActorBackup.Volumes.Tracking;

namespace ActorBackup.Volumes;

/// <summary>A disk that knows which of its blocks changed, also after a crash: backing and tracking file, bitmaps, snapshots.</summary>
/// <remarks>
/// Guest I/O may come from any thread and never waits for a command. Commands (everything about bitmaps and jobs) run one at a time; what changes which
/// sets record does so while writes are held and drained, which takes as long as the writes in flight. A command is durable when its task completes.
/// </remarks>
public sealed partial class TrackedDisk : IBlockDevice
{
    private static readonly TimeSpan CheckpointPeriod = TimeSpan.FromSeconds(1);

    private readonly TrackingGuards _guards;
    private readonly IFileLayer _files;
    private readonly IScheduler _scheduler;
    private readonly TimeProvider _time;
    private readonly IBacking _backing;
    private readonly TrackingFile _file;
    private readonly SetTable _sets;
    private readonly RegionTable _regions;
    private readonly TrackingHealth _health;
    private readonly Heartbeat _heartbeat;
    private readonly IntentJournal _journal;
    private readonly Checkpointer _checkpointer;
    private readonly GroupedSync _backingSync;
    private readonly WriteGate _gate;
    private readonly AsyncLock _commands;
    private readonly HashSet<JobId> _flushedFor = [];
    private readonly HashSet<JobId> _fenced = [];
    private readonly ITrackingWitness? _witness;
    private ulong? _nextStamp;
    private bool _storedRecords;
    private ITimer? _timer;
    private Recorders _recorders = Recorders.None;
    private DiskSnapshot[] _snapshots = [];
    private WriteWatch[] _watches = [];
    private bool _writesAllowed;
    private bool _closed;

    private TrackedDisk(
        IFileLayer files,
        IScheduler scheduler,
        TimeProvider time,
        IBacking backing,
        TrackingFile file,
        SetTable sets,
        ulong generation,
        ITrackingWitness? witness,
        TrackingGuards guards)
    {
        (_files, _scheduler, _time, _backing, _file, _sets, _witness, _guards) = (files, scheduler, time, backing, file, sets, witness, guards);
        _regions = new RegionTable(sets.Definition.SizeBytes, file.Current.RegionBytes, file.Current.RegionCount, guards);
        _health = new TrackingHealth(file.File, e => Distrust($"the tracking file could not be synced: {e.Message}"), guards);
        _heartbeat = new Heartbeat(file.File, time, () => backing.ModifiedAt, generation);
        _journal = new IntentJournal(file.File, _regions, scheduler, _health, _heartbeat);
        _checkpointer = new Checkpointer(file, sets, _regions, _journal, _health, scheduler, guards);
        _backingSync = new GroupedSync(scheduler, backing.Sync, e => Distrust($"the backing could not be synced: {e.Message}"), guards);
        _gate = new WriteGate(scheduler);
        _commands = new AsyncLock(scheduler);
    }

    /// <summary>Raised once per fault, after bitmaps became inconsistent, on any thread.</summary>
    public event Action? Faulted;

    public DiskDefinition Definition => _sets.Definition;

    public TrackingFileId FileId => _file.Current.FileId;

    /// <summary>Counts openings; a new one is durable when the disk is open.</summary>
    public ulong Generation => _file.Current.Generation;

    /// <summary>The stamp that the tracking file bears durably.</summary>
    public ulong Stamp => _file.Current.Stamp;

    /// <summary>Why the disk can keep no promise any more; null = it is well.</summary>
    public string? Fault => (_health.Failure ?? _backingSync.Failure)?.Message;

    /// <summary>Makes the tracking file of a backing that exists. Never overwrites one.</summary>
    /// <exception cref="VolumeException">The backing or the place of the tracking file is not usable.</exception>
    public static DiskDefinition Create(IFileLayer files, string trackingPath, DiskId id, string backingPath, int blockBytes, bool isReadOnly)
    {
        using var backing = FileBacking.Open(files, backingPath, isReadOnly);
        return Create(files, trackingPath, new DiskDefinition(id, backingPath, backing.SizeBytes, blockBytes, isReadOnly));
    }

    /// <summary>The same for a backing that was looked at.</summary>
    public static DiskDefinition Create(IFileLayer files, string trackingPath, DiskDefinition definition)
    {
        TrackingFileCreation.Create(files, trackingPath, definition, TrackingFileId.New());
        return definition;
    }

    /// <exception cref="VolumeException">The tracking file is missing, damaged, or of a newer version.</exception>
    public static DiskDefinition ReadDefinition(IFileLayer files, string trackingPath) => TrackingFileOpening.ReadDefinition(files, trackingPath);

    /// <summary>Names another backing of the same size in the tracking file of a disk that is not open.</summary>
    public static void SetBacking(IFileLayer files, string trackingPath, string backingPath) => TrackingFileMove.SetBacking(files, trackingPath, backingPath);

    /// <summary>Copies the tracking file of a disk that is not open; the caller makes the copy count before it deletes the first.</summary>
    public static void CopyTracking(IFileLayer files, string from, string to) => TrackingFileMove.Copy(files, from, to);

    /// <summary>Whether the tracking file is of this disk and was never opened: left by a creation that was cut short.</summary>
    public static bool IsUnused(IFileLayer files, string trackingPath, DiskId id)
    {
        try
        {
            var (file, sets) = TrackingFileOpening.Open(files, trackingPath);
            using (file)
            {
                return sets.Definition.Id == id && sets.All.Count == 0 && file.Current.Generation == 0;
            }
        }
        catch (VolumeException)
        {
            return false;
        }
    }

    /// <summary>Opens the disk; its new generation is durable when it returns. Guests may read at once; their writes wait for <see cref="AllowWrites"/>.</summary>
    /// <param name="files">Where both files are.</param>
    /// <param name="scheduler">For work that may block.</param>
    /// <param name="time">For checkpoints and time-outs.</param>
    /// <param name="trackingPath">Of the tracking file, which names the backing.</param>
    /// <param name="expected">What the journal database recorded last (rule 4); null = it is new.</param>
    /// <param name="witness">Where it records more; null = nowhere, and a journal or tracking file that is put back is noticed by its generation only.</param>
    /// <param name="scratchDirectory">Where suspended jobs have their scratch files; null = none is resumed.</param>
    /// <exception cref="VolumeException">One of the files is not usable.</exception>
    public static Task<TrackedDisk> OpenAsync(
        IFileLayer files,
        IScheduler scheduler,
        TimeProvider time,
        string trackingPath,
        TrackingExpectation? expected,
        ITrackingWitness? witness = null,
        string? scratchDirectory = null) =>
        OpenAsync(files, scheduler, time, trackingPath, expected, witness, TrackingGuards.On, scratchDirectory);

    internal static async Task<TrackedDisk> OpenAsync(
        IFileLayer files,
        IScheduler scheduler,
        TimeProvider time,
        string trackingPath,
        TrackingExpectation? expected,
        ITrackingWitness? witness,
        TrackingGuards guards,
        string? scratchDirectory = null)
    {
        var (file, sets) = TrackingFileOpening.Open(files, trackingPath, guards);
        IBacking? backing = null;
        TrackedDisk? disk = null;
        try
        {
            var definition = sets.Definition;
            backing = await Backing.OpenAsync(files, definition.BackingPath, definition.IsReadOnly, definition.AssumeDurable, time).ConfigureAwait(false);
            var isAsLeft = DiskOpening.Check(file, sets, backing, expected, guards) && !definition.IsResizing;
            DiskOpening.EndResizing(file, sets, backing);
            var generation = Math.Max(file.Current.Generation, expected?.Generation ?? 0) + 1;
            disk = new TrackedDisk(files, scheduler, time, backing, file, sets, generation, witness, guards);
            if (scratchDirectory is not null && (isAsLeft || !guards.ResumeOnlyAsLeft))
            {
                disk.Resume(scratchDirectory);
            }

            sets.SetSuspended([]);
            disk.Begin(generation);
            return disk;
        }
        catch
        {
            disk?.ReleaseScratch();
            backing?.Dispose();
            file.Dispose();
            throw;
        }
    }

    /// <summary>Lets guests write. Call it once the generation is in the journal database.</summary>
    public void AllowWrites()
    {
        if (!_writesAllowed)
        {
            _writesAllowed = true;
            _gate.Release();
        }
    }

    /// <summary>Stores everything and marks the tracking file clean. Suspended snapshots go on at the next opening, others break; waiting writes fail. Idempotent.</summary>
    public async Task CloseAsync()
    {
        using var turn = await _commands.EnterAsync().ConfigureAwait(false);
        if (_closed)
        {
            return;
        }

        _closed = true;
        if (_timer is not null)
        {
            await _timer.DisposeAsync().ConfigureAwait(false);
        }

        await _gate.HoldAsync().ConfigureAwait(false);
        _gate.Close();
        await StoreSuspendedAsync().ConfigureAwait(false);
        await StoreLastAsync().ConfigureAwait(false);
        _backing.Dispose();
        _file.Dispose();
    }

    /// <summary>The last checkpoint. Whatever fails leaves the file not clean, so that the next opening counts every block of an intent region as dirty.</summary>
    private async Task StoreLastAsync()
    {
        try
        {
            await _backingSync.SyncAsync().ConfigureAwait(false);
            await CheckpointAsync(CheckpointKind.Everything, s => Amend(s) with { IsClean = true }).ConfigureAwait(false);
        }
        catch (Exception e) when (Failures.IsExpected(e))
        {
            _sets.SetSuspended([]);
            await StoreDistrustAsync().ConfigureAwait(false);
        }
    }

    /// <summary>What a failed sync made inconsistent must be so after a restart too.</summary>
    private async Task StoreDistrustAsync()
    {
        try
        {
            await StoreIfChangedAsync().ConfigureAwait(false);
        }
        catch (Exception e) when (Failures.IsExpected(e))
        {
            // The tracking file takes nothing any more; the journal was told when the sync failed.
        }
    }

    private void Begin(ulong generation)
    {
        if (_guards.SyncBeforeReuse)
        {
            // The newest superblock may be in the page cache only, when its process was killed. What only its predecessor refers to is not free before it is durable.
            _health.Sync();
        }

        DiskOpening.ApplyIntents(_file, _sets, _guards);
        if (!_guards.StoreBeforeIntentsGo)
        {
            ForgetIntents();
        }

        _checkpointer.StoreNow(s => Amend(s) with { Generation = generation });

        ForgetIntents();
        _storedRecords = _sets.Stored.Any(s => s.IsRecording);
        _ = _gate.HoldAsync();
        RefreshRecorders();
        _timer = _time.CreateTimer(_ => _scheduler.Post(() => _ = CheckpointInBackgroundAsync()), null, CheckpointPeriod, CheckpointPeriod);
    }

    private void ForgetIntents()
    {
        try
        {
            _file.ClearIntents();
        }
        catch (FileLayerException)
        {
            // What they stood for is in the pages by now. Those that stay only claim too much, and the next intent writes over them.
        }
    }

    private async Task CheckpointInBackgroundAsync()
    {
        if (!_commands.TryEnter(out var turn))
        {
            return;
        }

        using (turn)
        {
            if (_closed)
            {
                return;
            }

            if (_heartbeat.IsDue)
            {
                await _journal.RenewLeaseAsync().ConfigureAwait(false);
            }

            try
            {
                await CheckpointAsync(CheckpointKind.Background, Amend).ConfigureAwait(false);
            }
            catch (Exception e) when (Failures.IsExpected(e))
            {
                // Nothing is lost, and the next one stores the same again.
            }
        }
    }

    private void Distrust(string reason)
    {
        _sets.MarkAllInconsistent(reason);
        Faulted?.Invoke();
    }

    private Superblock Amend(Superblock current) => current with { IsClean = false, BackingModifiedTicks = _backing.ModifiedAt?.UtcTicks ?? 0 };

    private Task StoreIfChangedAsync() => _sets.NeedsCheckpoint ? StoreAsync() : Task.CompletedTask;

    /// <summary>Stores what a command changed, under a new stamp.</summary>
    private async Task StoreAsync()
    {
        if (_witness is null)
        {
            await StorePairAsync().ConfigureAwait(false);
            return;
        }

        // After a failure the file may bear the stamp or not, so the next try uses the same one.
        var stamp = _nextStamp ?? 0;
        if (_nextStamp is null)
        {
            await _scheduler.RunAsync(() => stamp = _witness.Intend(_file.Current.Stamp)).ConfigureAwait(false);
            _nextStamp = stamp;
        }

        await CheckpointAsync(CheckpointKind.Command, s => Amend(s) with { Stamp = stamp }).ConfigureAwait(false);
        _nextStamp = null;
        await _scheduler.RunAsync(() => _witness.Confirm(stamp)).ConfigureAwait(false);
    }

    /// <summary>Stores what a job's checkpoint changed. It needs no stamp: an older pair of a running job claims more, and belongs to the same base.</summary>
    private Task StorePairAsync() => CheckpointAsync(CheckpointKind.Command, Amend);

    private void ThrowIfClosed()
    {
        if (_closed)
        {
            throw new VolumeException(VolumeError.Closed, $"Disk {Definition.Id} is closed.");
        }
    }

    /// <summary>Changes which sets record, or replaces a recording set's bits, while no write is inside.</summary>
    private async Task ChangeRecordersAsync(Action change)
    {
        var drained = _gate.HoldAsync();
        if (_guards.DrainBeforeFreeze)
        {
            await drained.ConfigureAwait(false);
        }

        try
        {
            change();
        }
        finally
        {
            RefreshRecorders();
            _gate.Release();
        }
    }

    private async Task CheckpointAsync(CheckpointKind kind, Func<Superblock, Superblock> amend)
    {
        await _checkpointer.StoreAsync(kind, amend).ConfigureAwait(false);
        var records = _sets.Stored.Any(s => s.IsRecording);
        if (_storedRecords != records)
        {
            _storedRecords = records;
            RefreshRecorders();
        }
    }

    /// <summary>While the durable catalogue still has a set that records, writes keep to what the next opening would expect of them.</summary>
    private void RefreshRecorders() =>
        Volatile.Write(ref _recorders, new Recorders([.. _sets.Recorders(), .. _watches.Select(w => w.Written)], _storedRecords || _sets.Stored.Any(s => s.IsRecording)));

    /// <summary>Ends a set's recording, while writes are held. Its newest bits are protected by intents that later checkpoints forget: its pages go with the next one.</summary>
    private void StopRecording(TrackedSet set)
    {
        set.IsRecording = false;
        foreach (var region in _guards.StoreWhatStopsRecording ? _regions.DurableRegions() : [])
        {
            var (offset, length) = _regions.ExtentOf(region);
            set.MarkPagesDirty(offset, length);
        }
    }
}
