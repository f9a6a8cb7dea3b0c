using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Blocks;
using ActorBackup.Volumes.Disks;
using ActorBackup.Volumes.Snapshots;
using ActorBackup.Volumes.Tracking;

namespace ActorBackup.Volumes;

/// <content>One instant for several jobs and bitmaps, and for several disks: writes are held until somebody says that all are.</content>
public sealed partial class TrackedDisk
{
    /// <summary>How long an armed disk waits for its hold.</summary>
    private static readonly TimeSpan ArmedPatience = TimeSpan.FromSeconds(90);

    /// <summary>Makes everything ready for the instant, then holds writes. No other command is carried out until the hold has ended.</summary>
    /// <param name="instant">What happens at it.</param>
    /// <param name="limit">How long writes are held at most, and how long those in flight may take.</param>
    /// <exception cref="VolumeException">A bitmap is unknown, busy or inconsistent; there is no room; the disk is closed; writes in flight took too long.</exception>
    public async Task<HeldWrites> HoldAsync(GroupInstant instant, TimeSpan limit) =>
        await (await ArmAsync(instant).ConfigureAwait(false)).HoldAsync(limit).ConfigureAwait(false);

    /// <summary>Makes everything ready for the instant that may take long: room in the tracking file, scratch files, a checkpoint that is being written.</summary>
    /// <param name="instant">What happens at it.</param>
    /// <exception cref="VolumeException">A bitmap is unknown, busy or inconsistent; there is no room; the disk is closed.</exception>
    public async Task<ArmedInstant> ArmAsync(GroupInstant instant)
    {
        var turn = await EnterAsync().ConfigureAwait(false);
        var snapshots = new List<DiskSnapshot>();
        try
        {
            var made = instant.Sets.Select(Make).ToList();
            var frozen = instant.Snapshots.Select(request => Freezing(request, made)).ToList();
            Reserve([
                .. made.Concat(frozen.SelectMany(f => f.Select(p => p.Successor))).Where(s => !s.IsTransient),
                .. instant.Snapshots.Select(_ => new TrackedSet(0, SetRole.Copy, Definition.Geometry)),
            ]);
            snapshots.AddRange(instant.Snapshots.Select(OpenSnapshot));
            return new ArmedInstant(_time, ArmedPatience, limit => HoldAsync(limit, () => Take(instant, made, frozen, snapshots)), GiveUpAsync);
        }
        catch
        {
            await GiveUpAsync().ConfigureAwait(false);
            throw;
        }

        async Task<HeldWrites> HoldAsync(TimeSpan limit, Func<IReadOnlyList<DiskSnapshot>> take)
        {
            try
            {
                await DrainAsync(limit).ConfigureAwait(false);
            }
            catch
            {
                await GiveUpAsync().ConfigureAwait(false);
                throw;
            }

            return new HeldWrites(_time, limit, take, Release, () => DiscardAsync(snapshots));
        }

        async Task GiveUpAsync()
        {
            await DiscardAsync(snapshots).ConfigureAwait(false);
            turn.Dispose();
        }

        void Release()
        {
            _gate.Release();
            turn.Dispose();
        }
    }

    /// <summary>Dirty ranges that a bitmap has at an instant after its first so many steps, ascending. Writes are held: otherwise it changes meanwhile.</summary>
    /// <param name="instant">What will happen.</param>
    /// <param name="setId">Of the disk, or of those that the instant makes.</param>
    /// <param name="steps">How many of its steps.</param>
    public IReadOnlyList<Extent> ExtentsAt(GroupInstant instant, ulong setId, int steps) =>
        instant.Sets.Any(s => s.SetId == setId) ? [.. BitsAt(instant, steps)[setId].Extents()] : Extents(setId);

    /// <summary>Makes durable what an instant changed.</summary>
    public async Task StoreInstantAsync()
    {
        using var turn = await EnterAsync().ConfigureAwait(false);
        await StoreAsync().ConfigureAwait(false);
    }

    private static async Task DiscardAsync(List<DiskSnapshot> snapshots)
    {
        foreach (var snapshot in snapshots)
        {
            await snapshot.CloseStoreAsync().ConfigureAwait(false);
        }
    }

    private async Task DrainAsync(TimeSpan limit)
    {
        try
        {
            await _gate.HoldAsync().WaitAsync(limit, _time).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            _gate.Release();
            throw new VolumeException(
                VolumeError.Timeout, $"Writes of disk {Definition.Id} that were under way did not end within {limit.TotalSeconds:0.#} s. Try again when its backing is less busy.");
        }
    }

    private TrackedSet Make(NewSet set) =>
        _sets.Find(set.SetId) is null
            ? new TrackedSet(set.SetId, SetRole.Bitmap, new BlockGeometry(SizeBytes, set.GranularityBytes)) { IsRecording = set.IsRecording, IsTransient = set.IsTransient }
            : throw new VolumeException(VolumeError.BitmapExists, $"Disk {Definition.Id} has a set {set.SetId} already.");

    private List<(TrackedSet Bitmap, TrackedSet Successor)> Freezing(SnapshotRequest request, List<TrackedSet> made)
    {
        if (_sets.Knows(request.JobId))
        {
            throw new VolumeException(VolumeError.JobExists, $"Disk {Definition.Id} has something of job {request.JobId} already.");
        }

        return request.Freeze
            .Select(f => (Bitmap: made.Find(m => m.Id == f.BitmapId) ?? Freezable(f.BitmapId), f.SuccessorId))
            .Select(f => (f.Bitmap, SuccessorOf(f.Bitmap, f.SuccessorId, request.JobId)))
            .ToList();
    }

    /// <summary>The instant itself: no write is inside, and nothing here waits.</summary>
    private List<DiskSnapshot> Take(
        GroupInstant instant, List<TrackedSet> made, List<List<(TrackedSet Bitmap, TrackedSet Successor)>> frozen, List<DiskSnapshot> snapshots)
    {
        try
        {
            ComputeSets(instant, made);
            for (var i = 0; i < snapshots.Count; i++)
            {
                var request = instant.Snapshots[i];
                foreach (var (bitmap, successor) in frozen[i])
                {
                    Freeze(bitmap, successor, request.JobId);
                }

                snapshots[i].Install(request.CopyBitmapId is { } id ? Bitmap(id).Bits.ToGranularity(Definition.BlockBytes) : null);
            }

            Volatile.Write(ref _snapshots, [.. _snapshots, .. snapshots]);
            return snapshots;
        }
        finally
        {
            RefreshRecorders();
        }
    }

    private void ComputeSets(GroupInstant instant, List<TrackedSet> made)
    {
        var bits = BitsAt(instant, instant.Steps.Count);
        foreach (var (set, start) in made.Zip(instant.Sets))
        {
            set.Bits = bits[set.Id];
            set.InconsistentReason = start.StartsAs is { } source ? Bitmap(source).InconsistentReason : null;
            set.MarkAllPagesDirty();
            _sets.Add(set);
        }
    }

    /// <summary>Of the sets that an instant makes: their bits after its first so many steps.</summary>
    private Dictionary<ulong, DirtyBitmap> BitsAt(GroupInstant instant, int steps)
    {
        var made = new Dictionary<ulong, DirtyBitmap>();
        foreach (var set in instant.Sets)
        {
            var bits = made[set.SetId] = new DirtyBitmap(new BlockGeometry(SizeBytes, set.GranularityBytes));
            if (set.StartsAs is { } source)
            {
                bits.UnionWith(Bitmap(source).Bits);
            }
        }

        foreach (var step in instant.Steps.Take(steps))
        {
            if (step.Sources is null)
            {
                made[step.SetId] = new DirtyBitmap(made[step.SetId].Geometry);
            }

            foreach (var source in step.Sources ?? [])
            {
                made[step.SetId].UnionWith(made.TryGetValue(source, out var bits) ? bits : Bitmap(source).Bits);
            }

            foreach (var extent in step.More?.Invoke() ?? [])
            {
                made[step.SetId].MarkBytes(extent.Offset, extent.Length);
            }
        }

        return made;
    }

    private void Freeze(TrackedSet bitmap, TrackedSet successor, Core.Identity.JobId job)
    {
        successor.IsRecording = bitmap.IsRecording;
        StopRecording(bitmap);
        bitmap.Job = job;
        _sets.Add(successor);
    }
}
