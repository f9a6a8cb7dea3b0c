using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Blocks;
using ActorBackup.Nbd.Server;
using ActorBackup.Volumes.Disks;
using ActorBackup.Volumes.Tracking;

namespace ActorBackup.Volumes;

/// <content>Bitmaps by the ids of their sets. Each command is durable when its task completes, save for transient bitmaps.</content>
public sealed partial class TrackedDisk
{
    /// <summary>Ids of all bitmaps, transient ones too.</summary>
    public IReadOnlyCollection<ulong> BitmapSets => [.. _sets.Bitmaps.Select(b => b.Id)];

    /// <summary>Set bits times granularity; 0 when there is no such set.</summary>
    public long DirtyBytes(ulong setId) => _sets.Find(setId) is { } set ? set.Bits.Count() * set.Bits.Geometry.BlockBytes : 0;

    /// <summary>Set ranges in bytes of the disk, ascending; none when there is no such set.</summary>
    public IReadOnlyList<Extent> Extents(ulong setId) => _sets.Find(setId) is { } set ? [.. set.Bits.Extents()] : [];

    /// <summary>Why the bits cannot be trusted; null = they can, or there is no such set.</summary>
    public string? InconsistentReason(ulong setId) => _sets.Find(setId)?.InconsistentReason;

    /// <summary>The bitmap as <c>qemu:dirty-bitmap:NAME</c>; null when there is no such set, or its bits cannot be trusted.</summary>
    /// <remarks>What is asked of it fails as soon as one of that is so. The caller keeps the bitmap from being cleared meanwhile.</remarks>
    public IMetaContext? ContextOf(ulong setId, string name) =>
        TrustedBits(setId) is null ? null : new DirtyBitmapContext(name, new SetBlocks(this, setId));

    internal DirtyBitmap? TrustedBits(ulong setId) => _sets.Find(setId) is { Role: SetRole.Bitmap, InconsistentReason: null } set ? set.Bits : null;

    /// <exception cref="VolumeException">The id is taken, there is no room, or it could not be stored.</exception>
    public Task AddBitmapAsync(ulong setId, long granularityBytes, bool recording, bool transient) =>
        AddAsync(setId, granularityBytes, recording, transient, dirty: null);

    /// <summary>
    /// Adds a bitmap that records and that begins with these bits and with those of what was written since the watch began. What it then calls clean is
    /// on stable storage (rule 3).
    /// </summary>
    /// <exception cref="VolumeException">As above, or the backing could not be flushed, or the watch has ended.</exception>
    public Task AddCountingBitmapAsync(ulong setId, long granularityBytes, bool transient, DirtyBitmap dirty, WriteWatch? since) =>
        AddAsync(setId, granularityBytes, recording: true, transient, () => since is null ? [dirty] : [dirty, WrittenSince(since)]);

    /// <param name="setId">Of the new bitmap.</param>
    /// <param name="granularityBytes">Of a bit.</param>
    /// <param name="recording">Guest writes set its bits.</param>
    /// <param name="transient">It is never stored.</param>
    /// <param name="dirty">Asked while no write is inside. Null = the bitmap counts from nothing.</param>
    private async Task AddAsync(ulong setId, long granularityBytes, bool recording, bool transient, Func<DirtyBitmap[]>? dirty)
    {
        using var turn = await EnterAsync().ConfigureAwait(false);
        if (_sets.Find(setId) is not null)
        {
            throw new VolumeException(VolumeError.BitmapExists, $"Disk {Definition.Id} has a set {setId} already.");
        }

        var set = new TrackedSet(setId, SetRole.Bitmap, new BlockGeometry(SizeBytes, granularityBytes)) { IsRecording = recording, IsTransient = transient };
        Reserve(transient ? [] : [set]);
        await ChangeRecordersAsync(() =>
        {
            foreach (var bits in dirty?.Invoke() ?? [])
            {
                set.Bits.UnionWith(bits);
                set.MarkAllPagesDirty();
            }

            _sets.Add(set);
        }).ConfigureAwait(false);
        try
        {
            if (dirty is not null && !IsReadOnly && _guards.FlushBeforeBitsGo)
            {
                await _backingSync.SyncAsync().ConfigureAwait(false);
            }

            await StoreAsync().ConfigureAwait(false);
        }
        catch
        {
            // Whoever asked is told that it is not there.
            await ChangeRecordersAsync(() => _sets.Remove(set)).ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Absent is no error.</summary>
    public async Task RemoveBitmapAsync(ulong setId)
    {
        using var turn = await EnterAsync().ConfigureAwait(false);
        if (_sets.Find(setId) is { Role: SetRole.Bitmap } set)
        {
            ThrowIfBusy(set);
            await ChangeRecordersAsync(() => _sets.Remove(set)).ConfigureAwait(false);
            await StoreAsync().ConfigureAwait(false);
        }
        else
        {
            await StoreWhatIsLeftAsync().ConfigureAwait(false);
        }
    }

    /// <summary>Removes the set unless a job uses it.</summary>
    public async Task TryRemoveBitmapAsync(ulong setId)
    {
        if (_sets.Find(setId) is { Job: null })
        {
            await RemoveBitmapAsync(setId).ConfigureAwait(false);
        }
    }

    public async Task ClearAsync(ulong setId)
    {
        using var turn = await EnterAsync().ConfigureAwait(false);
        var set = Bitmap(setId);
        ThrowIfBusy(set);
        await ChangeRecordersAsync(() => set.Bits = new DirtyBitmap(set.Bits.Geometry)).ConfigureAwait(false);
        set.MarkAllPagesDirty();
        await StoreAsync().ConfigureAwait(false);
    }

    /// <summary>Ends the bitmap's recording unless a job uses it.</summary>
    public async Task TryStopRecordingAsync(ulong setId)
    {
        if (_sets.Find(setId) is { Role: SetRole.Bitmap, Job: null })
        {
            await SetRecordingAsync(setId, false).ConfigureAwait(false);
        }
    }

    public async Task SetRecordingAsync(ulong setId, bool recording)
    {
        using var turn = await EnterAsync().ConfigureAwait(false);
        var set = Bitmap(setId);
        ThrowIfBusy(set);
        if (set.IsRecording == recording)
        {
            await StoreWhatIsLeftAsync().ConfigureAwait(false);
            return;
        }

        await ChangeRecordersAsync(() =>
        {
            if (recording)
            {
                set.IsRecording = true;
            }
            else
            {
                StopRecording(set);
            }
        }).ConfigureAwait(false);
        _sets.MarkChanged();
        await StoreAsync().ConfigureAwait(false);
    }

    /// <summary>Adds the sources' bits to the target; granularities may differ and are rounded outwards.</summary>
    public async Task MergeAsync(ulong targetSet, IReadOnlyList<ulong> sourceSets)
    {
        using var turn = await EnterAsync().ConfigureAwait(false);
        var target = Bitmap(targetSet);
        foreach (var source in sourceSets.Select(Bitmap).ToList())
        {
            target.Bits.UnionWith(source.Bits);
        }

        target.MarkAllPagesDirty();
        await StoreAsync().ConfigureAwait(false);
    }

    /// <summary>Sets the bits of byte ranges.</summary>
    public async Task MarkAsync(ulong setId, IReadOnlyList<Extent> extents)
    {
        using var turn = await EnterAsync().ConfigureAwait(false);
        var set = Bitmap(setId);
        foreach (var extent in extents)
        {
            set.Bits.MarkBytes(extent.Offset, extent.Length);
            set.MarkPagesDirty(extent.Offset, extent.Length);
        }

        await StoreAsync().ConfigureAwait(false);
    }

    /// <summary>Notes blocks that are written from now on; writes that began before are over. Ends with the watch, or with the disk.</summary>
    public async Task<WriteWatch> WatchWritesAsync()
    {
        using var turn = await EnterAsync().ConfigureAwait(false);
        var watch = new WriteWatch(new DirtyBitmap(Definition.Geometry), EndWatchAsync);
        await ChangeRecordersAsync(() => _watches = [.. _watches, watch]).ConfigureAwait(false);
        return watch;
    }

    /// <summary>
    /// A command that finds its work done in memory, because an earlier try changed that and then failed to store it, must store it: whoever asked takes
    /// the answer for durable, and the journal follows.
    /// </summary>
    private Task StoreWhatIsLeftAsync() => _guards.StoreBeforeRepeatCounts ? StoreIfChangedAsync() : Task.CompletedTask;

    private DirtyBitmap WrittenSince(WriteWatch watch) =>
        _watches.Contains(watch)
            ? watch.Written
            : throw new VolumeException(VolumeError.Closed, $"Disk {Definition.Id} was not watched all the time since it was compared; compare it again.");

    private async Task EndWatchAsync(WriteWatch watch)
    {
        using var turn = await _commands.EnterAsync().ConfigureAwait(false);
        if (!_closed && _watches.Contains(watch))
        {
            await ChangeRecordersAsync(() => _watches = [.. _watches.Where(w => w != watch)]).ConfigureAwait(false);
        }
    }

    private async Task<Scheduling.AsyncLock.Holder> EnterAsync()
    {
        var turn = await _commands.EnterAsync().ConfigureAwait(false);
        if (_closed)
        {
            turn.Dispose();
            ThrowIfClosed();
        }

        return turn;
    }

    /// <summary>Room for the sets that are to come beside those that are there, so that no checkpoint of them can run out of it.</summary>
    private void Reserve(IReadOnlyCollection<TrackedSet> more) =>
        _file.Reserve(_sets.Stored.Count() + more.Count, _sets.Stored.Concat(more).Sum(s => (long)s.Pages.Length));

    private TrackedSet Bitmap(ulong setId) =>
        _sets.Find(setId) is { Role: SetRole.Bitmap } set
            ? set
            : throw new VolumeException(VolumeError.UnknownBitmap, $"Disk {Definition.Id} has no bitmap with set {setId}.");

    private void ThrowIfBusy(TrackedSet set)
    {
        if (set.Job is { } job)
        {
            throw new VolumeException(VolumeError.BitmapBusy, $"Set {set.Id} of disk {Definition.Id} is in use by job {job}.");
        }
    }
}
