using ActorBackup.Core.Blocks;
using ActorBackup.Volumes.Disks;
using ActorBackup.Volumes.Scheduling;

namespace ActorBackup.Volumes;

/// <content>The guest's side.</content>
public sealed partial class TrackedDisk
{
    private const int SmallestGoodBytes = 4096;

    public long SizeBytes => _sets.Definition.SizeBytes;

    public bool IsReadOnly => _sets.Definition.IsReadOnly;

    public int PreferredBlockBytes => SmallestGoodBytes;

    public ValueTask ReadAsync(long offset, Memory<byte> buffer, CancellationToken cancellation)
    {
        if (_backing.IsRemote)
        {
            return ReadRemotelyAsync(offset, buffer);
        }

        try
        {
            // A read that waits for the device holds up no request behind it.
            return _backing.TryReadCached(offset, buffer.Span) ? ValueTask.CompletedTask : ReadColdAsync(offset, buffer);
        }
        catch (Exception e) when (Failures.IsExpected(e) || e is ObjectDisposedException)
        {
            return ValueTask.FromException(ToGuest(e));
        }
    }

    private async ValueTask ReadColdAsync(long offset, Memory<byte> buffer)
    {
        try
        {
            await _scheduler.RunAsync(() => _backing.Read(offset, buffer.Span)).ConfigureAwait(false);
        }
        catch (Exception e) when (Failures.IsExpected(e) || e is ObjectDisposedException)
        {
            throw ToGuest(e);
        }
    }

    public ValueTask WriteAsync(long offset, ReadOnlyMemory<byte> data, bool forceUnitAccess, CancellationToken cancellation) =>
        ChangeAsync(new GuestChange(ChangeKind.Write, offset, data.Length, data, forceUnitAccess), cancellation);

    public ValueTask FlushAsync(CancellationToken cancellation) => new(SyncForGuestAsync());

    public ValueTask TrimAsync(long offset, long length, bool forceUnitAccess, CancellationToken cancellation) =>
        ChangeAsync(new GuestChange(ChangeKind.Punch, offset, length, default, forceUnitAccess), cancellation);

    public ValueTask WriteZeroesAsync(long offset, long length, ZeroOptions options, CancellationToken cancellation)
    {
        var keepsSpace = options.HasFlag(ZeroOptions.NoHole);
        return keepsSpace && options.HasFlag(ZeroOptions.Fast)
            ? ValueTask.FromException(new BlockDeviceException(BlockDeviceError.NotSupported, "Zeroing without freeing space may be as slow as writing."))
            : ChangeAsync(
                new GuestChange(keepsSpace ? ChangeKind.Zero : ChangeKind.Punch, offset, length, default, options.HasFlag(ZeroOptions.ForceUnitAccess)),
                cancellation);
    }

    public ValueTask<int> QueryAllocationAsync(long offset, long length, Memory<AllocationRun> runs, CancellationToken cancellation)
    {
        if (_backing.IsRemote)
        {
            return QueryRemotelyAsync(offset, offset + length, runs);
        }

        try
        {
            return new ValueTask<int>(QueryAllocation(offset, offset + length, runs.Span));
        }
        catch (Exception e) when (Failures.IsExpected(e) || e is ObjectDisposedException)
        {
            return ValueTask.FromException<int>(ToGuest(e));
        }
    }

    private static BlockDeviceException ToGuest(Exception e) =>
        e is ObjectDisposedException ? new BlockDeviceException(BlockDeviceError.ShuttingDown, "The disk is closed.", e) : Failures.ToGuest(e);

    private async ValueTask ReadRemotelyAsync(long offset, Memory<byte> buffer)
    {
        try
        {
            await _backing.ReadAsync(offset, buffer).ConfigureAwait(false);
        }
        catch (Exception e) when (Failures.IsExpected(e))
        {
            throw ToGuest(e);
        }
    }

    private async ValueTask<int> QueryRemotelyAsync(long offset, long end, Memory<AllocationRun> runs)
    {
        try
        {
            var count = 0;
            await _scheduler.RunAsync(() => count = QueryAllocation(offset, end, runs.Span)).ConfigureAwait(false);
            return count;
        }
        catch (Exception e) when (Failures.IsExpected(e))
        {
            throw ToGuest(e);
        }
    }

    private int QueryAllocation(long position, long end, Span<AllocationRun> runs)
    {
        var count = 0;
        while (position < end && count < runs.Length)
        {
            var (dataStart, dataEnd) = _backing.NextData(position, end);
            if (dataStart > position)
            {
                var hole = Math.Min(dataStart, end);
                runs[count++] = new AllocationRun(hole - position, true, true);
                position = hole;
            }
            else
            {
                var data = Math.Min(dataEnd, end);
                runs[count++] = new AllocationRun(data - position, false, false);
                position = data;
            }
        }

        return count;
    }

    private ValueTask ChangeAsync(in GuestChange change, CancellationToken cancellation)
    {
        if (IsReadOnly)
        {
            return ValueTask.FromException(new BlockDeviceException(BlockDeviceError.NotPermitted, "The disk is read-only."));
        }

        if (change.Length == 0)
        {
            return change.IsForced ? FlushAsync(cancellation) : ValueTask.CompletedTask;
        }

        if (!_gate.TryEnter())
        {
            return EnterAndChangeAsync(change, cancellation);
        }

        return MayPass(change) ? RecordAndApply(change) : ProtectAndApplyAsync(change);
    }

    private async ValueTask EnterAndChangeAsync(GuestChange change, CancellationToken cancellation)
    {
        do
        {
            await _gate.WaitAsync(cancellation).ConfigureAwait(false);
        }
        while (!_gate.TryEnter());

        if (MayPass(change))
        {
            await RecordAndApply(change).ConfigureAwait(false);
        }
        else
        {
            await ProtectAndApplyAsync(change).ConfigureAwait(false);
        }
    }

    private bool MayPass(in GuestChange change)
    {
        foreach (var snapshot in Volatile.Read(ref _snapshots))
        {
            if (!snapshot.MayPass(change.Offset, change.Length) && _guards.CopyBeforeWrite)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Copy-before-write. The caller is inside the gate.</summary>
    private async ValueTask ProtectAndApplyAsync(GuestChange change)
    {
        try
        {
            foreach (var snapshot in _snapshots)
            {
                await snapshot.ProtectAsync(change.Offset, change.Length).ConfigureAwait(false);
            }
        }
        catch
        {
            _gate.Exit();
            throw;
        }

        await RecordAndApply(change).ConfigureAwait(false);
    }

    /// <summary>Rule 1: region, bits, intent, backing, reply. The caller is inside the gate, which this leaves.</summary>
    private ValueTask RecordAndApply(in GuestChange change)
    {
        var recorders = Volatile.Read(ref _recorders);
        var (first, last) = _regions.Of(change.Offset, change.Length);
        var isDurable = _regions.Enter(first, last);
        if (_guards.BitsBeforeWrite)
        {
            recorders.Mark(change.Offset, change.Length);
        }

        var mustCommit = recorders.NeedIntents && _guards.IntentBeforeWrite && !(isDurable && _heartbeat.TryUse());
        if (mustCommit || _backing.IsRemote)
        {
            return CommitAndApplyAsync(change, recorders, first, last, mustCommit, isDurable);
        }

        try
        {
            Apply(change, recorders);
            if (recorders.NeedIntents && !_heartbeat.Covers)
            {
                _heartbeat.NoteLate();
            }

            if (!_guards.IntentBeforeWrite && !isDurable && recorders.NeedIntents)
            {
                _ = _journal.CommitAsync(first, last);
            }
        }
        catch (Exception e) when (Failures.IsExpected(e))
        {
            return ValueTask.FromException(Failures.ToGuest(e));
        }
        finally
        {
            Leave(first, last);
        }

        return change.IsForced ? new ValueTask(SyncForGuestAsync()) : ValueTask.CompletedTask;
    }

    private async ValueTask CommitAndApplyAsync(GuestChange change, Recorders recorders, int first, int last, bool mustCommit, bool isDurable)
    {
        try
        {
            if (mustCommit)
            {
                await (isDurable ? _journal.RenewLeaseAsync() : _journal.CommitAsync(first, last)).ConfigureAwait(false);
            }

            await ApplyAsync(change).ConfigureAwait(false);
            MarkLate(change, recorders);
            if (!_heartbeat.Covers)
            {
                _heartbeat.NoteLate();
            }
        }
        catch (Exception e) when (Failures.IsExpected(e))
        {
            throw Failures.ToGuest(e);
        }
        finally
        {
            Leave(first, last);
        }

        if (change.IsForced)
        {
            await SyncForGuestAsync().ConfigureAwait(false);
        }
    }

    private ValueTask ApplyAsync(in GuestChange change) =>
        change.Kind switch
        {
            ChangeKind.Write => _backing.WriteAsync(change.Offset, change.Data),
            ChangeKind.Punch => _backing.PunchAsync(change.Offset, change.Length),
            _ => _backing.ZeroAsync(change.Offset, change.Length),
        };

    private void Apply(in GuestChange change, Recorders recorders)
    {
        switch (change.Kind)
        {
            case ChangeKind.Write:
                _backing.Write(change.Offset, change.Data.Span);
                break;
            case ChangeKind.Punch:
                _backing.Punch(change.Offset, change.Length);
                break;
            default:
                _backing.Zero(change.Offset, change.Length);
                break;
        }

        MarkLate(change, recorders);
    }

    private void MarkLate(in GuestChange change, Recorders recorders)
    {
        if (!_guards.BitsBeforeWrite)
        {
            recorders.Mark(change.Offset, change.Length);
        }
    }

    private void Leave(int first, int last)
    {
        _regions.Exit(first, last);
        _gate.Exit();
    }

    private async Task SyncForGuestAsync()
    {
        if (IsReadOnly)
        {
            return;
        }

        try
        {
            await _backingSync.SyncAsync().ConfigureAwait(false);
        }
        catch (VolumeException e)
        {
            throw Failures.ToGuest(e);
        }
    }
}
