using ActorBackup.Core.Blocks;
using ActorBackup.Core.Identity;
using ActorBackup.Volumes.Tracking;

namespace ActorBackup.Volumes.Tests.Support;

/// <summary>One disk over real files in a directory of its own, driven by the test's thread and clock.</summary>
internal sealed class DiskWorld : IDisposable
{
    public const int BlockBytes = 65536;

    private int _copies;

    public DiskWorld(long sizeBytes = 8 * 1024 * 1024)
    {
        SizeBytes = sizeBytes;
        using (var file = File.Create(Backing))
        {
            file.SetLength(sizeBytes);
        }

        TrackedDisk.Create(Files, Tracking, new DiskId("d"), Backing, BlockBytes, isReadOnly: false);
    }

    public long SizeBytes { get; }

    public string Directory { get; } = System.IO.Directory.CreateTempSubdirectory("abk-disk-").FullName;

    public UnlockedFiles Files { get; } = new();

    public QueueScheduler Scheduler { get; } = new();

    public ManualClock Clock { get; } = new();

    public string Backing => Path.Combine(Directory, "disk.raw");

    public string Tracking => Path.Combine(Directory, "disk.abktrack");

    public TrackedDisk Open(TrackingExpectation? expected = null, bool allow = true, string? tracking = null, ITrackingWitness? witness = null)
    {
        var disk = Scheduler.Run(TrackedDisk.OpenAsync(Files, Scheduler, Clock, tracking ?? Tracking, expected, witness));
        if (allow)
        {
            disk.AllowWrites();
            Scheduler.RunAll();
        }

        return disk;
    }

    /// <summary>What the next process would find if this one died now.</summary>
    public TrackedDisk OpenAsAfterCrash()
    {
        var copy = $"{Tracking}.{_copies++}";
        File.Copy(Tracking, copy);
        return Open(tracking: copy);
    }

    public void Run(Task task) => Scheduler.Run(task);

    public void Write(TrackedDisk disk, long offset, byte[] data) => Scheduler.Run(disk.WriteAsync(offset, data, false, CancellationToken.None).AsTask());

    /// <summary>Lets time pass, with the background checkpoints that come with it.</summary>
    public void Pass(TimeSpan time)
    {
        for (var passed = TimeSpan.Zero; passed < time; passed += TimeSpan.FromSeconds(1))
        {
            Clock.Advance(TimeSpan.FromSeconds(1));
            Scheduler.RunAll();
        }
    }

    public static IEnumerable<long> BlocksOf(IEnumerable<Extent> extents) =>
        extents.SelectMany(e => Enumerable.Range(0, (int)((e.Length + BlockBytes - 1) / BlockBytes)).Select(i => (e.Offset / BlockBytes) + i));

    public void Dispose() => System.IO.Directory.Delete(Directory, recursive: true);
}
