using ActorBackup.Domain.Disks;

namespace ActorBackup.Actors.Disks;

/// <summary>How a disk is to be exported: whether at all, and with which bitmaps.</summary>
public sealed record DiskExport(bool IsServed, IReadOnlyList<ExportedBitmap> Bitmaps)
{
    /// <summary>As every disk begins.</summary>
    public static DiskExport Plain { get; } = new(true, []);

    public static DiskExport Of(DiskState state) =>
        new(!state.IsUnexported && state.Restore is null, [.. state.ExportedBitmaps.Select(b => new ExportedBitmap(b.Name, b.SetId))]);

    public bool IsSameAs(DiskExport other) => IsServed == other.IsServed && Bitmaps.ToHashSet().SetEquals(other.Bitmaps);
}

/// <param name="Name">As clients ask for it.</param>
/// <param name="SetId">Of its bits in the tracking file.</param>
public readonly record struct ExportedBitmap(string Name, ulong SetId);
