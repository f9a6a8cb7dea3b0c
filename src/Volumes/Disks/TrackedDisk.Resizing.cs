using ActorBackup.Core.Blocks;
using ActorBackup.Volumes.Scheduling;
using ActorBackup.Volumes.Tracking;

namespace ActorBackup.Volumes;

/// <content>Another size (rule 7).</content>
public sealed partial class TrackedDisk
{
    /// <summary>Nothing is possible any more; the files are free.</summary>
    public bool IsClosed => _closed;

    /// <summary>Gives disk and backing another size and closes the disk; the next opening serves it. The journal database has the intention already.</summary>
    /// <remarks>
    /// Bits first, then the backing. A crash before the bits are durable leaves the disk as it was; one after that leaves a tracking file that
    /// says "resizing", whose next opening does the rest. Writes are held from the first step on. Transient bitmaps end.
    /// </remarks>
    /// <exception cref="VolumeException">While <see cref="IsClosed"/> is false: refused, nothing has changed. Else the next opening decides.</exception>
    public async Task ResizeAsync(long sizeBytes)
    {
        using var turn = await EnterAsync().ConfigureAwait(false);
        CheckResize(sizeBytes);
        await _gate.HoldAsync().ConfigureAwait(false);
        try
        {
            await _backingSync.SyncAsync().ConfigureAwait(false);
            await CheckpointAsync(CheckpointKind.Everything, Amend).ConfigureAwait(false);

            // The lease covers the time that the backing gets from being resized.
            await _journal.RenewLeaseAsync().ConfigureAwait(false);
            await _scheduler.RunAsync(() => StoreResized(sizeBytes)).ConfigureAwait(false);
            await _scheduler.RunAsync(() => _backing.Resize(sizeBytes)).ConfigureAwait(false);
        }
        catch (Files.FileLayerException e)
        {
            throw Failures.ToVolume(e, $"Disk {Definition.Id} cannot be resized", "What is done already is completed when it is started again.");
        }
        finally
        {
            await AbandonAsync().ConfigureAwait(false);
        }
    }

    private void CheckResize(long sizeBytes)
    {
        if (sizeBytes <= 0 || sizeBytes % Granularity.SectorBytes != 0)
        {
            throw new VolumeException(VolumeError.BadSize, $"A disk is a positive multiple of {Granularity.SectorBytes} bytes, and {sizeBytes} is not.");
        }

        if (JobsInTracking.Count > 0 || _snapshots.Length > 0)
        {
            throw new VolumeException(VolumeError.BitmapBusy, $"Disk {Definition.Id} cannot be resized while a job uses it or has left something. Wait for it or cancel it.");
        }

        if ((IsReadOnly ? "it is read-only" : _backing.WhyNotResizable(sizeBytes)) is { } why)
        {
            throw new VolumeException(VolumeError.Invalid, $"Disk {Definition.Id} cannot be resized: {why}.");
        }
    }

    /// <summary>The sets in the new geometry, and a catalogue that says that the backing may not have its size yet. No intent is held.</summary>
    private void StoreResized(long sizeBytes)
    {
        _file.ClearIntents();
        var resized = new SetTable(Definition with { SizeBytes = sizeBytes, IsResizing = true });
        foreach (var set in _sets.Stored)
        {
            resized.Add(set.Resized(sizeBytes));
            resized.Dropped.Add(set);
        }

        _file.Reserve(resized.All.Count, resized.All.Sum(s => (long)s.Pages.Length));
        var regionBytes = TrackingFormat.RegionBytesFor(sizeBytes);
        var attempt = new CheckpointAttempt(
            _file, resized, _health, s => Amend(s) with { RegionBytes = regionBytes, RegionCount = (int)((sizeBytes + regionBytes - 1) / regionBytes) }, _guards);
        attempt.WritePages([]);
        attempt.WriteCatalogue();
        attempt.WriteSuperblock();
    }

    /// <summary>Like a crash, in order: what is stored counts. The caller has the gate and the turn.</summary>
    private async Task AbandonAsync()
    {
        _closed = true;
        if (_timer is not null)
        {
            await _timer.DisposeAsync().ConfigureAwait(false);
        }

        _gate.Close();
        _backing.Dispose();
        _file.Dispose();
    }
}
