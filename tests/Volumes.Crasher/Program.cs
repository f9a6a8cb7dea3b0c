// Writes to a tracked disk until it is killed. Arguments: tracking file, seed. Prints a line after every few writes.
using System.Globalization;
using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Blocks;
using ActorBackup.Core.Identity;
using ActorBackup.Files;
using ActorBackup.Volumes;
using ActorBackup.Volumes.Snapshots;

const int Writers = 3;
const int WritesPerLine = 10;
const ulong Frozen = 1;

var seed = int.Parse(args[1], CultureInfo.InvariantCulture);
var disk = await TrackedDisk.OpenAsync(LinuxFileLayer.Instance, IoThreads.Instance, TimeProvider.System, args[0], expected: null);
foreach (var job in disk.JobsInTracking)
{
    await disk.SettleAsync(job, BitmapRemainder.SyncBitmap, keepCheckpoint: false);
}

disk.AllowWrites();
await Task.WhenAll([.. Enumerable.Range(0, Writers).Select(w => Task.Run(() => WriteAsync(seed + w))), Task.Run(() => RunJobsAsync(seed))]);

async Task WriteAsync(int from)
{
    var random = new Random(from);
    var data = new byte[64 * 1024];
    for (var count = 1; ; count++)
    {
        var length = random.Next(1, data.Length);
        var offset = random.NextInt64(disk.SizeBytes - length);
        random.NextBytes(data.AsSpan(0, length));
        switch (random.Next(8))
        {
            case 0:
                await disk.TrimAsync(offset, length, false, CancellationToken.None);
                break;
            case 1:
                await disk.WriteZeroesAsync(offset, length, ZeroOptions.NoHole, CancellationToken.None);
                break;
            case 2:
                await disk.WriteAsync(offset, data.AsMemory(0, length), true, CancellationToken.None);
                break;
            default:
                await disk.WriteAsync(offset, data.AsMemory(0, length), false, CancellationToken.None);
                break;
        }

        if (count % WritesPerLine == 0)
        {
            Console.Out.WriteLine(count);
        }
    }
}

// Jobs that freeze a bitmap, checkpoint, and leave it as if they had never run: no bit may be lost in any of the steps.
async Task RunJobsAsync(int from)
{
    var random = new Random(from);
    var successor = 1000UL + ((ulong)seed << 16);
    while (true)
    {
        var job = new JobId(SortableId.Create(DateTimeOffset.UtcNow, BitConverter.GetBytes(random.NextInt64()).Concat(new byte[2]).ToArray()));
        var snapshot = await disk.StartSnapshotAsync(
            new SnapshotRequest { JobId = job, Freeze = [new FrozenBitmap(Frozen, successor++)], CopyBitmapId = Frozen }, CancellationToken.None);
        var copy = snapshot.CopyList.Clone();
        var buffer = new byte[snapshot.Geometry.BlockBytes];
        for (var i = 0; i < 20 && await snapshot.ReadNextAsync(buffer, CancellationToken.None) is { Kind: not SnapshotBlockKind.End } block; i++)
        {
            copy.ClearRange(block.First, block.First + block.Count);
        }

        await disk.StoreCheckpointAsync(job, copy, default);
        await snapshot.DisposeAsync();
        await disk.SettleAsync(job, BitmapRemainder.SyncBitmap, keepCheckpoint: false);
    }
}
