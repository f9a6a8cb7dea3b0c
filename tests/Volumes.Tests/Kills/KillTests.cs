using System.Diagnostics;
using System.Reflection;
using ActorBackup.Core.Blocks;
using ActorBackup.Core.Identity;
using ActorBackup.Files;
using Xunit.Abstractions;

namespace ActorBackup.Volumes.Tests.Kills;

/// <summary>SIGKILL at seeded moments under write load: what differs from the base is a subset of what is dirty (T1).</summary>
public sealed class KillTests(ITestOutputHelper output) : IDisposable
{
    private const long DiskBytes = 32 * 1024 * 1024;
    private const int Kills = 200;
    private const int KillsPerBase = 10;
    private const ulong Disabled = 9;

    private static readonly (ulong Set, long Granularity)[] Recording = [(1, 64 * 1024), (2, 4096), (3, 1024 * 1024)];
    private static readonly Extent[] DisabledExtents = [new(0, 65536), new(20 * 65536, 3 * 65536)];

    private readonly string _directory = Directory.CreateTempSubdirectory("abk-kill-").FullName;

    private string Backing => Path.Combine(_directory, "disk.raw");

    private string Tracking => Path.Combine(_directory, "disk.abktrack");

    private string Base => Path.Combine(_directory, "base.raw");

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task Two_hundred_kills_under_load_lose_no_dirty_block()
    {
        var seed = int.Parse(Environment.GetEnvironmentVariable("ACTORBACKUP_SEED") ?? "20261123", System.Globalization.CultureInfo.InvariantCulture);
        output.WriteLine($"seed {seed} (ACTORBACKUP_SEED replays another)");
        var random = new Random(seed);
        await using (File.Create(Backing))
        {
        }

        using (var file = new FileStream(Backing, FileMode.Open))
        {
            file.SetLength(DiskBytes);
        }

        var changedInAll = 0L;
        for (var kill = 0; kill < Kills; kill++)
        {
            if (kill % KillsPerBase == 0)
            {
                await StartAnewAsync();
            }

            await WriteUntilKilledAsync(seed + (kill * 10), lines: random.Next(0, 60));
            changedInAll += await CheckAsync(kill);
        }

        Assert.True(changedInAll > 1000, $"Only {changedInAll} blocks were ever changed: the test proves nothing.");
    }

    /// <summary>The disk of now is the base; nothing is dirty.</summary>
    private async Task StartAnewAsync()
    {
        File.Copy(Backing, Base, overwrite: true);
        File.Delete(Tracking);
        TrackedDisk.Create(LinuxFileLayer.Instance, Tracking, new DiskId("d"), Backing, 65536, isReadOnly: false);
        var disk = await OpenAsync(Tracking);
        foreach (var (set, granularity) in Recording)
        {
            await disk.AddBitmapAsync(set, granularity, recording: true, transient: false);
        }

        await disk.AddBitmapAsync(Disabled, 65536, recording: false, transient: false);
        await disk.MarkAsync(Disabled, DisabledExtents);
        await disk.CloseAsync();
    }

    private async Task WriteUntilKilledAsync(int seed, int lines)
    {
        var crasher = typeof(KillTests).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(a => a.Key == "CrasherDll").Value!;
        using var process = Process.Start(new ProcessStartInfo("dotnet", [crasher, Tracking, $"{seed}"]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var errors = process.StandardError.ReadToEndAsync();
        for (var line = 0; line < lines; line++)
        {
            if (await process.StandardOutput.ReadLineAsync() is null)
            {
                Assert.Fail($"The writer ended by itself: {await errors}");
            }
        }

        process.Kill();
        await process.WaitForExitAsync();
        Assert.True(process.ExitCode == 137, $"The writer ended by itself: {await errors}");
    }

    /// <summary>Looks at a copy of the tracking file, so that the next writer meets the crash as it was. Returns how many blocks differ.</summary>
    private async Task<int> CheckAsync(int kill)
    {
        var copy = Path.Combine(_directory, "copy.abktrack");
        File.Copy(Tracking, copy, overwrite: true);
        var disk = await OpenAsync(copy);
        var changed = Changed();
        foreach (var (set, granularity) in Recording)
        {
            Assert.Null(disk.InconsistentReason(set));
            var dirty = new Core.Bitmaps.DirtyBitmap(new BlockGeometry(DiskBytes, granularity));
            foreach (var extent in disk.Extents(set).Concat(disk.JobsInTracking.Count > 0 && set == 1 ? SuccessorExtents(disk) : []))
            {
                dirty.MarkBytes(extent.Offset, extent.Length);
            }

            Assert.All(changed, offset => Assert.True(dirty[dirty.Geometry.IndexOf(offset)], $"kill {kill}: {offset} differs from the base and is clean in set {set}"));
        }

        Assert.Equal(DisabledExtents, disk.Extents(Disabled));
        await disk.CloseAsync();
        return changed.Count;
    }

    /// <summary>While a job's sets are in the file its bitmap is sync bitmap ∪ successor.</summary>
    private static IEnumerable<Extent> SuccessorExtents(TrackedDisk disk)
    {
        var job = Assert.Single(disk.JobsInTracking);
        disk.SettleAsync(job, Core.Bitmaps.BitmapRemainder.SyncBitmap, keepCheckpoint: false).GetAwaiter().GetResult();
        return disk.Extents(1);
    }

    private List<long> Changed()
    {
        const int Unit = 4096;
        var (now, then) = (File.ReadAllBytes(Backing), File.ReadAllBytes(Base));
        var changed = new List<long>();
        for (var offset = 0; offset < now.Length; offset += Unit)
        {
            if (!now.AsSpan(offset, Unit).SequenceEqual(then.AsSpan(offset, Unit)))
            {
                changed.Add(offset);
            }
        }

        return changed;
    }

    private static Task<TrackedDisk> OpenAsync(string tracking) =>
        TrackedDisk.OpenAsync(LinuxFileLayer.Instance, IoThreads.Instance, TimeProvider.System, tracking, expected: null);
}
