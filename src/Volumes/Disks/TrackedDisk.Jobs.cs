using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Blocks;
using ActorBackup.Core.Identity;
using ActorBackup.Volumes.Snapshots;
using ActorBackup.Volumes.Tracking;

namespace ActorBackup.Volumes;

/// <content>What jobs do with the disk: an instant, checkpoints of their copying, settlement.</content>
public sealed partial class TrackedDisk
{
    /// <summary>Jobs of which the tracking file holds sets or a pair.</summary>
    public IReadOnlyList<JobId> JobsInTracking => _sets.Jobs();

    /// <summary>Takes the job's instant: drains writes, freezes its bitmaps and puts successors in their place, and protects what is to be copied.</summary>
    /// <remarks>
    /// Writes are held for as long as those in flight take. Should the process die before the next checkpoint, the stored catalogue says that the
    /// bitmap itself recorded all the time, which is sync bitmap ∪ successor (rule 8).
    /// </remarks>
    /// <exception cref="VolumeException">A bitmap is unknown, busy or inconsistent; there is no room; the disk is closed.</exception>
    public async Task<DiskSnapshot> StartSnapshotAsync(SnapshotRequest request, CancellationToken cancellation)
    {
        using var turn = await EnterAsync().ConfigureAwait(false);
        cancellation.ThrowIfCancellationRequested();
        if (_sets.Knows(request.JobId) || _snapshots.Any(s => s.JobId == request.JobId))
        {
            throw new VolumeException(VolumeError.JobExists, $"Disk {Definition.Id} has something of job {request.JobId} already.");
        }

        var frozen = request.Freeze.Select(f => (Bitmap: Freezable(f.BitmapId), f.SuccessorId))
            .Select(f => (f.Bitmap, Successor: SuccessorOf(f.Bitmap, f.SuccessorId, request.JobId)))
            .ToList();
        var copySource = request.CopyBitmapId is { } id ? Bitmap(id) : null;
        ThrowIfInconsistent(copySource);
        Reserve([.. frozen.Select(f => f.Successor), .. frozen.Select(_ => new TrackedSet(0, SetRole.Copy, Definition.Geometry)).Take(1)]);
        var snapshot = OpenSnapshot(request);
        await ChangeRecordersAsync(() =>
        {
            foreach (var (bitmap, successor) in frozen)
            {
                Freeze(bitmap, successor, request.JobId);
            }

            snapshot.Install(copySource?.Bits.ToGranularity(Definition.BlockBytes));
            Volatile.Write(ref _snapshots, [.. _snapshots, snapshot]);
        }).ConfigureAwait(false);
        return snapshot;
    }

    /// <summary>From now on the job can store no pair any more: whoever concludes it in another's place decides by the pair that is there.</summary>
    public async Task FenceAsync(JobId job)
    {
        using (await EnterAsync().ConfigureAwait(false))
        {
            _fenced.Add(job);
            foreach (var snapshot in _snapshots.Where(s => s.JobId == job))
            {
                snapshot.Break(new VolumeException(VolumeError.UnknownJob, $"Job {job} was concluded by somebody else."));
            }
        }

        await DropSuspendedAsync(job).ConfigureAwait(false);
    }

    /// <summary>Makes the pair durable (rule 10). The tree of the root is durable already.</summary>
    /// <param name="job">Whose.</param>
    /// <param name="copy">What is left to copy, in blocks of the disk; not changed by anybody afterwards.</param>
    /// <param name="root">Of the tree with what was copied.</param>
    /// <exception cref="VolumeException">It could not be stored: the former pair counts.</exception>
    public async Task StoreCheckpointAsync(JobId job, DirtyBitmap copy, BlockDigest root)
    {
        using var turn = await EnterAsync().ConfigureAwait(false);
        if (_fenced.Contains(job))
        {
            throw new VolumeException(VolumeError.UnknownJob, $"Job {job} was concluded by somebody else.");
        }

        await FlushForAsync(job).ConfigureAwait(false);
        var set = _sets.FindCopy(job);
        var before = (set?.Bits, Root: _sets.Roots.GetValueOrDefault(job));
        if (set is null)
        {
            set = new TrackedSet(0, SetRole.Copy, Definition.Geometry) { Job = job };
            Reserve([set]);
            _sets.Add(set);
        }

        FlagChangedPages(set, copy);
        set.Bits = copy;
        _sets.SetRoot(job, root.ToArray());
        try
        {
            await StorePairAsync().ConfigureAwait(false);
        }
        catch
        {
            // The job goes on from the pair that it knows to be durable; so must the settlement.
            Restore(set, job, before.Bits, before.Root);
            throw;
        }
    }

    /// <summary>Whether the job still has bitmaps frozen: it is not settled.</summary>
    public bool IsFrozenBy(JobId job) => _sets.FrozenBy(job).Any();

    /// <summary>The job's pair; false when it has none that can be trusted.</summary>
    public bool TryGetCheckpoint(JobId job, out JobCheckpoint pair)
    {
        var copy = _sets.FindCopy(job) is { InconsistentReason: null } good ? good : null;
        var root = _sets.Roots.GetValueOrDefault(job);
        pair = copy is not null && root is not null ? new JobCheckpoint(copy.Bits, new BlockDigest(root)) : default;
        return copy is not null && root is not null;
    }

    /// <summary>Sets every bit of the bitmaps that the job has frozen.</summary>
    public async Task MarkFrozenAsync(JobId job)
    {
        using var turn = await EnterAsync().ConfigureAwait(false);
        foreach (var bitmap in _sets.FrozenBy(job).ToList())
        {
            bitmap.Bits.MarkAll();
            bitmap.MarkAllPagesDirty();
        }

        await StoreIfChangedAsync().ConfigureAwait(false);
    }

    /// <summary>Ends the job in the tracking file (rule 11): each of its bitmaps becomes its successor and what remains. Idempotent; unknown jobs are no error.</summary>
    /// <param name="job">Of which the journal database has the conclusion.</param>
    /// <param name="remainder">What the successor is united with. Without a pair the copy bitmap is the whole sync bitmap.</param>
    /// <param name="keepCheckpoint">The pair stays until <see cref="ForgetCheckpointAsync"/>.</param>
    public async Task SettleAsync(JobId job, BitmapRemainder remainder, bool keepCheckpoint)
    {
        await DropSuspendedAsync(job).ConfigureAwait(false);
        using var turn = await EnterAsync().ConfigureAwait(false);
        if (!_sets.Knows(job))
        {
            // Settled in memory by a call whose store failed: it is settled when the tracking file says so.
            await StoreWhatIsLeftAsync().ConfigureAwait(false);
            return;
        }

        await FlushForAsync(job).ConfigureAwait(false);
        var copy = _sets.FindCopy(job);
        foreach (var bitmap in _sets.FrozenBy(job).ToList())
        {
            await SettleAsync(bitmap, Remains(bitmap, copy, remainder)).ConfigureAwait(false);
        }

        if (!keepCheckpoint)
        {
            DropCheckpoint(job);
        }

        // A run that still goes on must not bring a pair back.
        _fenced.Add(job);
        _flushedFor.Remove(job);
        await StoreAsync().ConfigureAwait(false);
    }

    /// <summary>Drops a pair that was kept. Absent is no error.</summary>
    public async Task ForgetCheckpointAsync(JobId job)
    {
        using var turn = await EnterAsync().ConfigureAwait(false);
        if (_sets.FindCopy(job) is not null || _sets.Roots.ContainsKey(job))
        {
            DropCheckpoint(job);
        }

        await StoreWhatIsLeftAsync().ConfigureAwait(false);
    }

    private DiskSnapshot OpenSnapshot(SnapshotRequest request)
    {
        ScratchFile? scratch = null;
        if (request.ScratchDirectory is { } directory)
        {
            try
            {
                _files.CreateDirectory(directory);
                var limit = Math.Min(request.ScratchLimitBytes, ScratchDirectory.LimitBytes(_files.FreeBytes(directory)));
                scratch = new ScratchFile(_files, ScratchDirectory.PathFor(directory, Definition.Id, request.JobId), Definition.BlockBytes, limit);
            }
            catch (Files.FileLayerException e)
            {
                throw Failures.ToVolume(e, $"The scratch file of job {request.JobId} cannot be made", $"Check {directory}, its permissions and its free space.");
            }
        }

        var store = new CaptureStore(Definition.BlockBytes, request.MemoryBudgetBytes, scratch, _scheduler);
        return new DiskSnapshot(request, Definition.Geometry, _backing, store, _scheduler, _time, CloseSnapshotAsync);
    }

    /// <summary>Ends copy-before-write while no write is inside, and lets go of what was kept.</summary>
    private async Task CloseSnapshotAsync(DiskSnapshot snapshot)
    {
        using var turn = await _commands.EnterAsync().ConfigureAwait(false);
        if (_snapshots.Contains(snapshot))
        {
            if (_closed)
            {
                _snapshots = [.. _snapshots.Where(s => s != snapshot)];
            }
            else
            {
                await ChangeRecordersAsync(() => Volatile.Write(ref _snapshots, [.. _snapshots.Where(s => s != snapshot)])).ConfigureAwait(false);
            }

            await snapshot.CloseStoreAsync().ConfigureAwait(false);
        }
    }

    private TrackedSet Freezable(ulong bitmapId)
    {
        var bitmap = Bitmap(bitmapId);
        ThrowIfBusy(bitmap);
        ThrowIfInconsistent(bitmap);
        return bitmap;
    }

    private void ThrowIfInconsistent(TrackedSet? set)
    {
        if (set?.InconsistentReason is { } reason)
        {
            throw new VolumeException(VolumeError.BitmapInconsistent, $"Set {set.Id} of disk {Definition.Id} is inconsistent: {reason}. Remove the bitmap and add it again.");
        }
    }

    private TrackedSet SuccessorOf(TrackedSet bitmap, ulong successorId, JobId job)
    {
        if (_sets.Find(successorId) is not null)
        {
            throw new VolumeException(VolumeError.BitmapExists, $"Disk {Definition.Id} has a set {successorId} already.");
        }

        return new TrackedSet(successorId, SetRole.Successor, bitmap.Bits.Geometry) { ParentId = bitmap.Id, Job = job, IsTransient = bitmap.IsTransient };
    }

    /// <summary>Bytes that a job read may still be in the page cache only: they must be on stable storage before a bit that they make superfluous goes (rule 3).</summary>
    private async Task FlushForAsync(JobId job)
    {
        if (!IsReadOnly && _guards.FlushBeforeBitsGo && _flushedFor.Add(job))
        {
            try
            {
                await _backingSync.SyncAsync().ConfigureAwait(false);
            }
            catch
            {
                _flushedFor.Remove(job);
                throw;
            }
        }
    }

    private static DirtyBitmap? Remains(TrackedSet bitmap, TrackedSet? copy, BitmapRemainder remainder) =>
        remainder switch
        {
            BitmapRemainder.Nothing => null,
            BitmapRemainder.CopyBitmap when copy is not null => copy.Bits,
            _ => bitmap.Bits,
        };

    private async Task SettleAsync(TrackedSet bitmap, DirtyBitmap? remains)
    {
        var successor = _sets.FindSuccessor(bitmap.Id);
        var bits = remains?.ToGranularity(bitmap.Bits.Geometry.BlockBytes) ?? new DirtyBitmap(bitmap.Bits.Geometry);
        await ChangeRecordersAsync(() =>
        {
            if (successor is not null)
            {
                bits.UnionWith(successor.Bits);
                bitmap.IsRecording = successor.IsRecording;
                if (successor.InconsistentReason is { } reason)
                {
                    _sets.MarkInconsistent(bitmap, reason);
                }

                _sets.Remove(successor);
            }

            bitmap.Bits = bits;
            bitmap.Job = null;
        }).ConfigureAwait(false);
        bitmap.MarkAllPagesDirty();
        _sets.MarkChanged();
    }

    private void DropCheckpoint(JobId job)
    {
        if (_sets.FindCopy(job) is { } copy)
        {
            _sets.Remove(copy);
        }

        if (_sets.Roots.ContainsKey(job))
        {
            _sets.RemoveRoot(job);
        }
    }

    private void Restore(TrackedSet set, JobId job, DirtyBitmap? bits, byte[]? root)
    {
        if (bits is null || root is null)
        {
            DropCheckpoint(job);
        }
        else
        {
            set.Bits = bits;
            set.MarkAllPagesDirty();
            _sets.SetRoot(job, root);
        }
    }

    /// <summary>Copy bitmaps shrink a little at a time: only pages that differ are stored again.</summary>
    private static void FlagChangedPages(TrackedSet set, DirtyBitmap next)
    {
        const long UnitsPerPage = TrackingFormat.WordsPerPage * 64L;
        var differs = set.Bits.DifferenceFrom(next);
        for (var unit = differs.NextSet(0); unit >= 0; unit = differs.NextSet((unit / UnitsPerPage * UnitsPerPage) + UnitsPerPage))
        {
            set.PageDirty[unit / UnitsPerPage] = true;
        }
    }
}
