using System.Text.Json;
using ActorBackup.Core.Blocks;
using ActorBackup.Core.Identity;
using ActorBackup.Storage.Sealed;

namespace ActorBackup.Storage.Points;

/// <summary>Points and tombstones to and from their objects' bytes.</summary>
internal static class PointCodec
{
    public const uint Version = 1;

    public static ReadOnlySpan<byte> PointMagic => "ABKPOINT"u8;

    public static ReadOnlySpan<byte> TombstoneMagic => "ABKTOMB\0"u8;

    public static byte[] Encode(RecoveryPoint point)
    {
        var document = new PointDocument(
            point.Id.Value,
            point.Disk.Value,
            point.Job.Value,
            point.Group?.Value,
            point.Base?.Value,
            point.CreatedAt.ToUnixTimeMilliseconds(),
            point.SizeBytes,
            point.BlockBytes,
            point.Root.ToString(),
            [.. point.Missing.SelectMany(r => new[] { r.First, r.Count })],
            point.IsAborted ? true : null);
        return SealedObject.Seal(PointMagic, Version, JsonSerializer.SerializeToUtf8Bytes(document, PointJson.Default.PointDocument));
    }

    public static byte[] EncodeTombstone(PointId id, DateTimeOffset at) =>
        SealedObject.Seal(
            TombstoneMagic,
            Version,
            JsonSerializer.SerializeToUtf8Bytes(new TombstoneDocument(id.Value, at.ToUnixTimeMilliseconds()), PointJson.Default.TombstoneDocument));

    /// <summary>Null = a tombstone.</summary>
    /// <exception cref="StorageException">Damaged, or of a newer version.</exception>
    public static RecoveryPoint? Decode(PointId id, byte[] bytes)
    {
        var what = $"point {id}";
        var isTombstone = SealedObject.HasMagic(bytes, TombstoneMagic);
        var payload = SealedObject.Open(bytes, isTombstone ? TombstoneMagic : PointMagic, Version, what);
        try
        {
            if (isTombstone)
            {
                return JsonSerializer.Deserialize(payload.Span, PointJson.Default.TombstoneDocument)?.Id == id.Value
                    ? null
                    : throw new StorageException(StorageError.Damaged, $"{what} is damaged: its tombstone is of another point");
            }

            var document = JsonSerializer.Deserialize(payload.Span, PointJson.Default.PointDocument);
            return document is not null && document.Id == id.Value && IsPossible(document)
                ? Of(document)
                : throw new StorageException(StorageError.Damaged, $"{what} is damaged: its fields contradict each other");
        }
        catch (Exception e) when (e is JsonException or FormatException or ArgumentException)
        {
            throw new StorageException(StorageError.Damaged, $"{what} is damaged: {e.Message}", e);
        }
    }

    private static bool IsPossible(PointDocument d) =>
        d is { Disk: not null, Job: not null, Root: not null, Missing: not null }
        && d.SizeBytes > 0
        && Granularity.IsValidForDisk(d.BlockBytes)
        && d.Missing.Length % 2 == 0
        && RunsAreAscending(d.Missing, new BlockGeometry(d.SizeBytes, d.BlockBytes).BlockCount);

    private static bool RunsAreAscending(long[] runs, long blockCount)
    {
        var end = 0L;
        for (var i = 0; i < runs.Length; i += 2)
        {
            if (runs[i] < end || runs[i + 1] <= 0 || runs[i + 1] > blockCount - runs[i])
            {
                return false;
            }

            end = runs[i] + runs[i + 1];
        }

        return true;
    }

    private static RecoveryPoint Of(PointDocument d) =>
        new()
        {
            Id = new PointId(d.Id),
            Disk = new DiskId(d.Disk),
            Job = new JobId(d.Job),
            Group = d.Group is null ? null : new GroupId(d.Group),
            Base = d.Base is null ? null : new PointId(d.Base),
            CreatedAt = DateTimeOffset.FromUnixTimeMilliseconds(d.CreatedAtUnixMs),
            SizeBytes = d.SizeBytes,
            BlockBytes = d.BlockBytes,
            Root = BlockDigest.Parse(d.Root),
            IsAborted = d.Aborted ?? false,
            Missing = [.. d.Missing.Chunk(2).Select(r => new BlockRun(r[0], r[1]))],
        };
}
