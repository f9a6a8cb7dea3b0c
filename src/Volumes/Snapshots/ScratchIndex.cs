using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using ActorBackup.Core.Identity;
using ActorBackup.Volumes.Tracking;

namespace ActorBackup.Volumes.Snapshots;

/// <summary>The end of a suspended job's scratch file: everything that makes its snapshot again, beside the sets in the tracking file. docs/TRACKING.md has the field table.</summary>
internal sealed record ScratchIndex
{
    private const ulong Magic = 0x5441_5243_534b_4241; // "ABKSCRAT"
    private const uint Version = 2;
    private const int RunBytes = 16;
    private const int KeptBytes = 32;

    [Flags]
    private enum Flags : uint
    {
        BreakGuestWrite = 1,
        Ascending = 2,
        CopiesASet = 4,
    }

    public required DiskId Disk { get; init; }

    public required JobId Job { get; init; }

    public required TrackingFileId FileId { get; init; }

    /// <summary>Of the tracking file, when the disk was closed.</summary>
    public required ulong Generation { get; init; }

    /// <summary>Of the tracking file, when the job's run let go of the snapshot.</summary>
    public required ulong SuspendedAt { get; init; }

    public required int BlockBytes { get; init; }

    public required long BlockCount { get; init; }

    public required long SlotCount { get; init; }

    /// <summary>How the snapshot was asked for; which bitmaps it froze is in the tracking file.</summary>
    public required SnapshotRequest Request { get; init; }

    /// <summary>Blocks that could not be read and that nobody will copy, as [first, end).</summary>
    public required IReadOnlyList<(long First, long End)> GivenUp { get; init; }

    public required IReadOnlyList<KeptBlock> Kept { get; init; }

    public byte[] Encode()
    {
        var output = new ArrayBufferWriter<byte>();
        WriteUInt64(output, Magic);
        WriteUInt32(output, Version);
        WriteUInt32(output, (uint)((Request.OnCaptureError == CaptureErrorPolicy.BreakGuestWrite ? Flags.BreakGuestWrite : 0)
            | (Request.IsAscending ? Flags.Ascending : 0)
            | (Request.CopyBitmapId is null ? 0 : Flags.CopiesASet)));
        BinaryPrimitives.WriteUInt128BigEndian(output.GetSpan(TrackingFileId.SizeBytes), FileId.Value);
        output.Advance(TrackingFileId.SizeBytes);
        WriteUInt64(output, Generation);
        WriteUInt64(output, SuspendedAt);
        WriteUInt32(output, (uint)BlockBytes);
        WriteInt64(output, BlockCount);
        WriteInt64(output, SlotCount);
        WriteUInt64(output, Request.CopyBitmapId ?? 0);
        WriteInt64(output, Request.CaptureTimeout is { } timeout ? (long)timeout.TotalMilliseconds : 0);
        WriteInt64(output, Request.MemoryBudgetBytes);
        WriteInt64(output, Request.ScratchLimitBytes);
        WriteText(output, Disk.Value);
        WriteText(output, Job.Value);
        WriteInt64(output, GivenUp.Count);
        foreach (var (first, end) in GivenUp)
        {
            WriteInt64(output, first);
            WriteInt64(output, end);
        }

        WriteInt64(output, Kept.Count);
        foreach (var kept in Kept)
        {
            WriteInt64(output, kept.Block);
            WriteInt64(output, kept.Slot);
            WriteUInt64(output, kept.Parts);
            WriteUInt64(output, kept.Checksum);
        }

        return output.WrittenSpan.ToArray();
    }

    /// <summary>Null when the bytes are no index, or one of another version. Their checksum was right.</summary>
    /// <param name="bytes">All of it.</param>
    /// <param name="scratchDirectory">Where the file lies now.</param>
    public static ScratchIndex? TryDecode(ReadOnlySpan<byte> bytes, string scratchDirectory)
    {
        try
        {
            return ReadUInt64(ref bytes) == Magic && ReadUInt32(ref bytes) == Version ? Decode(bytes, scratchDirectory) : null;
        }
        catch (ArgumentException)
        {
            return null;
        }
    }

    private static ScratchIndex Decode(ReadOnlySpan<byte> bytes, string scratchDirectory)
    {
        var flags = (Flags)ReadUInt32(ref bytes);
        var file = new TrackingFileId(BinaryPrimitives.ReadUInt128BigEndian(Take(ref bytes, TrackingFileId.SizeBytes)));
        var (generation, suspendedAt) = (ReadUInt64(ref bytes), ReadUInt64(ref bytes));
        var blockBytes = (int)ReadUInt32(ref bytes);
        var (blocks, slots) = (ReadInt64(ref bytes), ReadInt64(ref bytes));
        var copied = ReadUInt64(ref bytes);
        var (timeout, memory, limit) = (ReadInt64(ref bytes), ReadInt64(ref bytes), ReadInt64(ref bytes));
        var (disk, job) = (new DiskId(ReadText(ref bytes)), new JobId(ReadText(ref bytes)));
        var givenUp = new (long First, long End)[CountOf(ref bytes, RunBytes)];
        for (var i = 0; i < givenUp.Length; i++)
        {
            givenUp[i] = (ReadInt64(ref bytes), ReadInt64(ref bytes));
        }

        var kept = new KeptBlock[CountOf(ref bytes, KeptBytes)];
        for (var i = 0; i < kept.Length; i++)
        {
            kept[i] = new KeptBlock(ReadInt64(ref bytes), ReadInt64(ref bytes), ReadUInt64(ref bytes), ReadUInt64(ref bytes));
        }

        return new ScratchIndex
        {
            Disk = disk,
            Job = job,
            FileId = file,
            Generation = generation,
            SuspendedAt = suspendedAt,
            BlockBytes = blockBytes,
            BlockCount = blocks,
            SlotCount = slots,
            GivenUp = givenUp,
            Kept = kept,
            Request = new SnapshotRequest
            {
                JobId = job,
                CopyBitmapId = flags.HasFlag(Flags.CopiesASet) ? copied : null,
                OnCaptureError = flags.HasFlag(Flags.BreakGuestWrite) ? CaptureErrorPolicy.BreakGuestWrite : CaptureErrorPolicy.BreakSnapshot,
                CaptureTimeout = timeout > 0 ? TimeSpan.FromMilliseconds(timeout) : null,
                MemoryBudgetBytes = memory,
                ScratchDirectory = scratchDirectory,
                ScratchLimitBytes = limit,
                IsAscending = flags.HasFlag(Flags.Ascending),
            },
        };
    }

    /// <summary>How many things of this size follow.</summary>
    private static long CountOf(ref ReadOnlySpan<byte> bytes, int eachBytes)
    {
        var count = ReadInt64(ref bytes);
        return count >= 0 && count <= bytes.Length / eachBytes ? count : throw new ArgumentOutOfRangeException(nameof(bytes));
    }

    private static void WriteInt64(ArrayBufferWriter<byte> output, long value) => WriteUInt64(output, (ulong)value);

    private static void WriteUInt64(ArrayBufferWriter<byte> output, ulong value)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(output.GetSpan(sizeof(ulong)), value);
        output.Advance(sizeof(ulong));
    }

    private static void WriteUInt32(ArrayBufferWriter<byte> output, uint value)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(output.GetSpan(sizeof(uint)), value);
        output.Advance(sizeof(uint));
    }

    private static void WriteText(ArrayBufferWriter<byte> output, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        BinaryPrimitives.WriteUInt16LittleEndian(output.GetSpan(sizeof(ushort)), checked((ushort)bytes.Length));
        output.Advance(sizeof(ushort));
        output.Write(bytes);
    }

    private static ReadOnlySpan<byte> Take(ref ReadOnlySpan<byte> bytes, int count)
    {
        var taken = bytes[..count];
        bytes = bytes[count..];
        return taken;
    }

    private static long ReadInt64(ref ReadOnlySpan<byte> bytes) => (long)ReadUInt64(ref bytes);

    private static ulong ReadUInt64(ref ReadOnlySpan<byte> bytes) => BinaryPrimitives.ReadUInt64LittleEndian(Take(ref bytes, sizeof(ulong)));

    private static uint ReadUInt32(ref ReadOnlySpan<byte> bytes) => BinaryPrimitives.ReadUInt32LittleEndian(Take(ref bytes, sizeof(uint)));

    private static string ReadText(ref ReadOnlySpan<byte> bytes) =>
        Encoding.UTF8.GetString(Take(ref bytes, BinaryPrimitives.ReadUInt16LittleEndian(Take(ref bytes, sizeof(ushort)))));
}
