using System.Buffers.Binary;
using ActorBackup.Files;

namespace ActorBackup.Volumes.Tracking;

/// <summary>Until when writes may reach the backing: durable in page 2 before they do, with the backing's modification time of then (rule 5).</summary>
/// <remarks>
/// It is a lease, so that a late heartbeat never looks like a foreign writer: a write that finds the lease expired waits for a new one, which costs an
/// idle disk nothing and lets a busy one wait only if the tracking file's syncs take longer than the lease. After an unclean stop a backing that
/// is newer than the lease and than the last time seen was written by somebody else. What is written until the lease expires goes unnoticed.
///
/// A process that is suspended between looking at the lease and writing writes late. It notices afterwards, and stores the time that it left; should it be
/// killed just then, bitmaps become inconsistent without need. Where no lease can be stored writes go on: that, too, only costs trust in the bitmaps.
/// </remarks>
internal sealed class Heartbeat(IFile file, TimeProvider time, Func<DateTimeOffset?> modifiedAt, ulong generation)
{
    public static readonly TimeSpan Lease = TimeSpan.FromSeconds(3);

    // With a look every second: a lease is renewed before the last second of it begins.
    private static readonly TimeSpan RenewBefore = TimeSpan.FromSeconds(2);

    private const ulong Magic = 0x5452_4145_484b_4241; // "ABKHEART"
    private const int ChecksumAt = TrackingFormat.SectorBytes - sizeof(ulong);

    private readonly bool _isNeeded = modifiedAt() is not null;
    private long _untilTicks;
    private bool _isUsed;
    private bool _isLate;
    private bool _isBroken;

    /// <summary>What happens now is within the lease, or needs none.</summary>
    public bool Covers => !_isNeeded || Volatile.Read(ref _isBroken) || time.GetUtcNow().UtcTicks <= Volatile.Read(ref _untilTicks);

    /// <summary><see cref="Covers"/>, of a write that relies on it: the lease will be renewed.</summary>
    public bool TryUse()
    {
        // Written once per lease, so that writers do not fight over the cache line.
        if (!Volatile.Read(ref _isUsed))
        {
            Volatile.Write(ref _isUsed, true);
        }

        return Covers;
    }

    /// <summary>Writers would soon have to wait, or one was late.</summary>
    public bool IsDue =>
        _isNeeded
        && (Volatile.Read(ref _isBroken) || Volatile.Read(ref _isLate) || (Volatile.Read(ref _isUsed) && Volatile.Read(ref _untilTicks) - time.GetUtcNow().UtcTicks < RenewBefore.Ticks));

    /// <summary>The newest time at which the backing may have been modified by us; 0 = the opening of this generation left none.</summary>
    public static long LastKnown(IFile file, ulong generation)
    {
        var page = new byte[TrackingFormat.SectorBytes];
        try
        {
            // A page that is damaged counts as none, so the lease is gone and a foreign writer is suspected.
            return file.Read(TrackingFormat.OffsetOf(TrackingFormat.HeartbeatPage), page) == page.Length
                && BinaryPrimitives.ReadUInt64LittleEndian(page) == Magic
                && BinaryPrimitives.ReadUInt64LittleEndian(page.AsSpan(ChecksumAt)) == TrackingFormat.Checksum(page.AsSpan(0, ChecksumAt))
                && BinaryPrimitives.ReadUInt64LittleEndian(page.AsSpan(8)) == generation
                ? Math.Max(BinaryPrimitives.ReadInt64LittleEndian(page.AsSpan(16)), BinaryPrimitives.ReadInt64LittleEndian(page.AsSpan(24)))
                : 0;
        }
        catch (FileLayerException)
        {
            return 0;
        }
    }

    /// <summary>A write reached the backing after the lease: the next lease tells the time that it left.</summary>
    public void NoteLate() => Volatile.Write(ref _isLate, true);

    /// <summary>Puts a new lease into the page. It counts from <see cref="Confirm"/> on, after a sync.</summary>
    /// <exception cref="FileLayerException">The page cannot be written.</exception>
    public long Write()
    {
        if (!_isNeeded)
        {
            return 0;
        }

        Volatile.Write(ref _isUsed, false);
        Volatile.Write(ref _isLate, false);
        var until = time.GetUtcNow().UtcTicks + Lease.Ticks;
        Span<byte> page = stackalloc byte[TrackingFormat.SectorBytes];
        page.Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(page, Magic);
        BinaryPrimitives.WriteUInt64LittleEndian(page[8..], generation);
        BinaryPrimitives.WriteInt64LittleEndian(page[16..], until);
        BinaryPrimitives.WriteInt64LittleEndian(page[24..], modifiedAt()?.UtcTicks ?? 0);
        BinaryPrimitives.WriteUInt64LittleEndian(page[ChecksumAt..], TrackingFormat.Checksum(page[..ChecksumAt]));
        file.Write(TrackingFormat.OffsetOf(TrackingFormat.HeartbeatPage), page);
        return until;
    }

    public void Confirm(long untilTicks)
    {
        Volatile.Write(ref _untilTicks, untilTicks);
        Volatile.Write(ref _isBroken, false);
    }

    /// <summary>The lease could not be made durable: nobody waits for the next one, which is tried all the same.</summary>
    public void GiveUp() => Volatile.Write(ref _isBroken, true);
}
