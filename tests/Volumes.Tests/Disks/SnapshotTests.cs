using ActorBackup.Core.Blocks;
using ActorBackup.Core.Identity;
using ActorBackup.Files;
using ActorBackup.Volumes.Snapshots;

namespace ActorBackup.Volumes.Tests.Disks;

/// <summary>Real threads: what a job reads is the disk of its instant, whatever guests write meanwhile.</summary>
public sealed class SnapshotTests : IDisposable
{
    private const long SizeBytes = (16 * 1024 * 1024) + 4096;
    private const int BlockBytes = 65536;

    private static readonly JobId Job = new("01m850d483zesd3ybs456nm6m5");

    private readonly string _directory = Directory.CreateTempSubdirectory("abk-snap-").FullName;

    private string Backing => Path.Combine(_directory, "disk.raw");

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Theory]
    [InlineData(1, 64 * 1024 * 1024, false)]
    [InlineData(2, 1024 * 1024, true)]
    [InlineData(3, 0, true)]
    [InlineData(4, 64 * 1024 * 1024, true)]
    public async Task What_is_read_is_the_disk_of_the_instant(int seed, long memory, bool hasScratch)
    {
        var disk = await OpenAsync(seed);
        var snapshotRequest = new SnapshotRequest { JobId = Job, MemoryBudgetBytes = memory, ScratchDirectory = hasScratch ? Path.Combine(_directory, "scratch") : null };
        using var stop = new CancellationTokenSource();
        var writers = Enumerable.Range(0, 3).Select(w => OnThread(() => WriteAsync(disk, seed + w, stop.Token))).ToArray();

        // The instant is somewhere in the middle of the writing: no write is half in it.
        var snapshot = await disk.StartSnapshotAsync(snapshotRequest, CancellationToken.None);
        var read = new Dictionary<long, byte[]>();
        await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => OnThread(() => ReadAsync(snapshot, read))));
        await stop.CancelAsync();
        await Task.WhenAll(writers);
        await snapshot.DisposeAsync();

        Assert.Null(snapshot.Broken);
        Assert.Equal((SizeBytes + BlockBytes - 1) / BlockBytes, read.Count);
        Assert.All(read.Values, AssertNoTornWrite);
        Assert.Empty(Directory.Exists(Path.Combine(_directory, "scratch")) ? Directory.GetFiles(Path.Combine(_directory, "scratch")) : []);
        await disk.CloseAsync();
    }

    [Theory]
    [InlineData(5)]
    [InlineData(6)]
    public async Task Blocks_that_a_guest_overwrites_are_read_as_they_were(int seed)
    {
        var disk = await OpenAsync(seed);
        var before = await File.ReadAllBytesAsync(Backing);
        var snapshot = await disk.StartSnapshotAsync(
            new SnapshotRequest { JobId = Job, MemoryBudgetBytes = 256 * 1024, ScratchDirectory = Path.Combine(_directory, "scratch") }, CancellationToken.None);
        using var stop = new CancellationTokenSource();
        var writers = Enumerable.Range(0, 3).Select(w => OnThread(() => WriteAsync(disk, seed + w, stop.Token))).ToArray();
        var read = new Dictionary<long, byte[]>();
        await Task.WhenAll(Enumerable.Range(0, 2).Select(_ => OnThread(() => ReadAsync(snapshot, read))));
        await stop.CancelAsync();
        await Task.WhenAll(writers);

        foreach (var (block, bytes) in read)
        {
            var length = (int)Math.Min(BlockBytes, SizeBytes - (block * BlockBytes));
            Assert.True(before.AsSpan((int)(block * BlockBytes), length).SequenceEqual(bytes.AsSpan(0, length)), $"seed {seed}: block {block} is not of the instant");
        }

        Assert.Equal(257, read.Count);
        await snapshot.DisposeAsync();
        await disk.CloseAsync();
    }

    [Fact]
    public async Task Without_room_the_job_breaks_or_the_guests_write_fails()
    {
        var disk = await OpenAsync(7);
        var scratch = Path.Combine(_directory, "scratch");
        var request = new SnapshotRequest { JobId = Job, MemoryBudgetBytes = BlockBytes, ScratchDirectory = scratch, ScratchLimitBytes = BlockBytes };
        var breaking = await disk.StartSnapshotAsync(request, CancellationToken.None);
        for (var block = 0; block < 10; block++)
        {
            await disk.WriteAsync(block * BlockBytes, new byte[] { 1 }, false, CancellationToken.None);
        }

        Assert.Equal(VolumeError.SnapshotBroken, breaking.Broken?.Error);
        await Assert.ThrowsAsync<VolumeException>(async () => await breaking.ReadNextAsync(new byte[BlockBytes], CancellationToken.None));
        await breaking.DisposeAsync();

        var holding = await disk.StartSnapshotAsync(
            request with { JobId = new JobId("01m850d483zesd3ybs456nm6m6"), OnCaptureError = CaptureErrorPolicy.BreakGuestWrite }, CancellationToken.None);
        var failures = 0;
        for (var block = 20; block < 30; block++)
        {
            try
            {
                await disk.WriteAsync(block * BlockBytes, new byte[] { 1 }, false, CancellationToken.None);
            }
            catch (BlockDeviceException)
            {
                failures++;
            }
        }

        Assert.Equal(8, failures);
        Assert.Null(holding.Broken);
        await holding.DisposeAsync();
        await disk.WriteAsync(25 * BlockBytes, new byte[] { 1 }, false, CancellationToken.None);
        await disk.CloseAsync();
    }

    /// <summary>As guests are served: each on a thread of its own, which a loop without a pause may keep.</summary>
    private static Task OnThread(Func<Task> loop) =>
        Task.Factory.StartNew(loop, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default).Unwrap();

    /// <summary>Writers fill one aligned 4 KiB unit with one byte at a time, so a unit of two bytes was torn.</summary>
    private static void AssertNoTornWrite(byte[] block)
    {
        for (var unit = 0; unit < block.Length; unit += 4096)
        {
            Assert.Equal(-1, block.AsSpan(unit, 4096).IndexOfAnyExcept(block[unit]));
        }
    }

    private static async Task WriteAsync(TrackedDisk disk, int seed, CancellationToken stop)
    {
        var random = new Random(seed);
        var data = new byte[4096];
        while (!stop.IsCancellationRequested)
        {
            Array.Fill(data, (byte)random.Next(256));
            await disk.WriteAsync(random.NextInt64(SizeBytes / 4096) * 4096, data, false, CancellationToken.None);

            // A write that waited resumes on an I/O thread, behind which others may wait to be resumed: give it back.
            await Task.Yield();
        }
    }

    private static async Task ReadAsync(DiskSnapshot snapshot, Dictionary<long, byte[]> read)
    {
        var buffer = new byte[BlockBytes];
        while (await snapshot.ReadNextAsync(buffer, CancellationToken.None) is { Kind: not SnapshotBlockKind.End } block)
        {
            lock (read)
            {
                for (var i = 0L; i < block.Count; i++)
                {
                    read.Add(block.First + i, block.Kind == SnapshotBlockKind.Data ? buffer.ToArray() : new byte[BlockBytes]);
                }
            }

            snapshot.Release(block.First);
        }
    }

    private async Task<TrackedDisk> OpenAsync(int seed)
    {
        var random = new Random(seed);
        await using (var file = File.Create(Backing))
        {
            for (var unit = 0; unit < SizeBytes / 4096; unit++)
            {
                file.Write(Enumerable.Repeat((byte)random.Next(256), 4096).ToArray());
            }
        }

        var tracking = Path.Combine(_directory, "disk.abktrack");
        TrackedDisk.Create(LinuxFileLayer.Instance, tracking, new DiskId("d"), Backing, BlockBytes, isReadOnly: false);
        var disk = await TrackedDisk.OpenAsync(LinuxFileLayer.Instance, IoThreads.Instance, TimeProvider.System, tracking, expected: null);
        disk.AllowWrites();
        return disk;
    }
}
