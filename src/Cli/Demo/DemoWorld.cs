using System.Globalization;
using ActorBackup.Api;
using ActorBackup.Cli.Output;
using ActorBackup.Cli.Values;
using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Blocks;

namespace ActorBackup.Cli.Demo;

/// <summary>What the steps of the demo share: the node, the disk, its guest, and what earlier steps found.</summary>
public sealed class DemoWorld(string directory, DemoReport report, DemoShell shell, NodeProcess node) : IAsyncDisposable
{
    /// <summary>A job makes what it copied durable every three seconds.</summary>
    private const int BreakableSeconds = 12;

    public const string DataDirectory = "data";
    public const string Disk = "vm";
    public const string Repository = "main";
    public const string Bitmap = "daily";

    public string Directory { get; } = directory;

    public DemoReport Report { get; } = report;

    public DemoShell Shell { get; } = shell;

    public NodeProcess Node { get; } = node;

    /// <summary>The disk's backing.</summary>
    public string ImagePath => Path.Combine(Directory, "vm.raw");

    public string RepositoryPath => Path.Combine(Directory, "repository");

    public long SizeBytes { get; set; }

    /// <summary>Seeded: every run writes the same bytes to the same places.</summary>
    public Random Random { get; } = new(Seed: 20261123);

    public BlockGeometry Geometry => new(SizeBytes, Granularity.DefaultBytes);

    /// <summary>Connected by <see cref="ConnectGuestAsync"/>.</summary>
    public GuestDisk Guest { get; private set; } = null!;

    /// <summary>SHA-256 of the disk as the first point saw it.</summary>
    public string FirstDigest { get; set; } = "";

    public string FirstPoint { get; set; } = "";

    public JobResource FailedJob { get; set; } = null!;

    /// <summary>Of the failed job: what the bitmap said before it and after it.</summary>
    public long DirtyBefore { get; set; }

    public long DirtyAfter { get; set; }

    public async Task<BitmapResource> BitmapAsync()
    {
        var all = await Shell.AskAsync(ApiJson.Default.BitmapResourceArray, 0, "bitmap", "list", Disk);
        return all.SingleOrDefault(b => b.Name == Bitmap) ?? throw new DemoException($"bitmap {Bitmap} is gone");
    }

    /// <summary>The blocks that are dirty, as a set.</summary>
    /// <param name="set">Of a running job's sets; null for the bitmap itself.</param>
    public async Task<DirtyBitmap> DirtyBlocksAsync(string? set = null)
    {
        string[] args = ["bitmap", "extents", Disk, Bitmap];
        var extents = await Shell.AskAsync(ApiJson.Default.ExtentResourceArray, 0, set is null ? args : [.. args, "--set", set]);
        var dirty = new DirtyBitmap(Geometry);
        foreach (var extent in extents)
        {
            dirty.MarkBytes(extent.Offset, extent.Length);
        }

        return dirty;
    }

    public async Task ConnectGuestAsync(string? nbdUri, CancellationToken cancellation)
    {
        var device = await GuestConnection.ConnectAsync(nbdUri ?? throw new DemoException("the disk has no export"), cancellation);
        Guest = new GuestDisk(device, Geometry, Random);
    }

    /// <summary>Whole blocks, from so many 32nds of the disk to so many.</summary>
    public Extent Zone(int from, int to)
    {
        var share = SizeBytes / Geometry.BlockBytes / 32 * Geometry.BlockBytes;
        return new Extent(share * from, share * (to - from));
    }

    /// <summary>So many bytes per second that copying what is dirty takes some seconds on any machine, and breaking in has time.</summary>
    public string RateFor(DirtyBitmap dirty) =>
        (Math.Max(1, dirty.Count() * Geometry.BlockBytes / BreakableSeconds / 1024)).ToString(CultureInfo.InvariantCulture) + "K";

    public ValueTask DisposeAsync() => Guest?.DisposeAsync() ?? ValueTask.CompletedTask;

    /// <summary>Restores the newest point and compares it with the disk, which nobody writes to meanwhile.</summary>
    public async Task RestoreAndCompareAsync(CancellationToken cancellation)
    {
        var restored = Path.Combine(Directory, "restored.raw");
        var job = await Shell.RunAsync(
            ApiJson.Default.JobResource, 0, "point", "restore", $"{Disk}@latest", "--to", "restored.raw", "--wait");
        ShowFigures(job);
        Report.Command("cmp vm.raw restored.raw");
        var difference = FileProof.FirstDifference(ImagePath, restored, cancellation);
        Report.Check(difference < 0, difference < 0 ? $"all {SizeBytes} bytes are equal" : $"the restored disk is equal (it differs at {difference})");
        File.Delete(restored);
    }

    public void ShowStrip(string when, DirtyBitmap dirty)
    {
        var extents = dirty.Extents().Select(e => new ExtentResource(e.Offset, e.Length));
        Report.Say($"{when,-8} {BitmapStrip.Render(extents, SizeBytes)} {dirty.Count()} blocks, {ByteSize.Format(dirty.Count() * Geometry.BlockBytes)}");
    }

    public void ShowFigures(JobResource job)
    {
        var seconds = job is { StartedAt: { } start, EndedAt: { } end } ? (end - start).TotalSeconds : 0;
        Report.Say(
            $"{Blocks(job.BytesTotal)} blocks to copy, {Blocks(job.BytesDone)} done: {Blocks(job.BytesReused)} reused, {Blocks(job.BytesZero)} zero, "
            + $"{ByteSize.Format(job.BytesSent)} sent; {seconds:0.0} s{(job.Point is null ? "" : $"; point {job.Point}")}");
    }

    private long Blocks(long bytes) => (bytes + Geometry.BlockBytes - 1) / Geometry.BlockBytes;
}
