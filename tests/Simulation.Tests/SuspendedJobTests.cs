using ActorBackup.Core.Identity;
using ActorBackup.Simulation.Tests.Machines;
using ActorBackup.Volumes;
using ActorBackup.Volumes.Snapshots;
using ActorBackup.Volumes.Tracking;
using Xunit.Abstractions;

namespace ActorBackup.Simulation.Tests;

/// <summary>A process that suspends a job and closes the disk, one that opens it and closes it again, and one that goes on: each is killed at any operation, with and without power loss.</summary>
public sealed class SuspendedJobTests(ITestOutputHelper output)
{
    private const int BlockBytes = 65536;
    private const int BlockCount = 48;

    private static readonly JobId Job = new("01m850d483zesd3ybs456nm6m5");
    private static readonly long[] Everywhere = [.. Enumerable.Range(0, BlockCount).Select(b => (long)b)];

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Rule_17_A_job_goes_on_at_its_instant_or_not_at_all(bool losesPower) => SimThread.Run(() =>
    {
        var (resumed, lost) = (0, 0);
        for (var dying = 0; dying < 2; dying++)
        {
            var isSurvived = false;
            for (var operation = 1; !isSurvived; operation++)
            {
                for (var position = 0; position < 3; position++)
                {
                    var run = new Run(dying, new CrashPlan(operation, position), (ulong)((operation * 10) + position), losesPower, TrackingGuards.On);
                    var goesOn = run.GoesOn();
                    Assert.True(run.Violation is null, $"process {dying} died at operation {operation}, {position}: {run.Violation}");
                    (resumed, lost, isSurvived) = (resumed + (goesOn ? 1 : 0), lost + (goesOn ? 0 : 1), run.HasSurvived);
                    Assert.True(goesOn || !run.HasSurvived, "Nothing happened, and the job did not go on.");
                }
            }
        }

        output.WriteLine($"{resumed} went on, {lost} lost their instant");
        Assert.True(resumed > 5 && lost > 100);
        return true;
    });

    [Fact]
    public void Rule_17_Without_protection_from_the_opening_on_the_instant_is_gone() => SimThread.Run(() =>
    {
        var run = new Run(0, new CrashPlan(int.MaxValue, 0), 1, false, TrackingGuards.On with { ProtectFromOpening = false });
        run.GoesOn();
        Assert.NotNull(run.Violation);
        return true;
    });

    /// <param name="dying">Which process the plan is for.</param>
    /// <param name="crash">When it dies.</param>
    /// <param name="seed">Of the order of things.</param>
    /// <param name="losesPower">At the death, and after each orderly stop.</param>
    /// <param name="guards">Of the disk.</param>
    private sealed class Run(int dying, CrashPlan crash, ulong seed, bool losesPower, TrackingGuards guards)
    {
        private readonly Machine _machine = new(new Dice(seed), new Trace(), FaultPlan.None);
        private readonly byte[] _buffer = new byte[BlockBytes];
        private TrackingExpectation? _known;
        private Dictionary<long, byte[]> _instant = [];
        private bool _goesOn;

        public string? Violation => _machine.Violation;

        public bool HasSurvived { get; private set; } = true;

        public bool GoesOn()
        {
            var backing = new Inode(Machine.BackingPath);
            backing.Resize(BlockCount * BlockBytes, 0);
            backing.Sync();
            _machine.Names[Machine.BackingPath] = backing;
            TrackedDisk.Create(new SimFileLayer(_machine, _machine.StartProcess(null)), Machine.TrackingPath, new DiskId("d"), Machine.BackingPath, BlockBytes, false);
            Live(0, SuspendAsync);
            Live(1, disk => WriteAsync(disk, 3, [9, 29, 30, 31]));
            Live(2, GoOnAsync);
            return _goesOn;
        }

        private async Task SuspendAsync(TrackedDisk disk)
        {
            await disk.AddBitmapAsync(1, BlockBytes, true, false);
            await WriteAsync(disk, 1, Everywhere);
            var request = new SnapshotRequest
            {
                JobId = Job,
                Freeze = [new FrozenBitmap(1, 2)],
                CopyBitmapId = 1,
                MemoryBudgetBytes = 3 * BlockBytes,
                ScratchDirectory = Machine.ScratchPath,
            };
            var snapshot = await disk.StartSnapshotAsync(request, CancellationToken.None);
            _instant = new Dictionary<long, byte[]>(_machine.Backing.Cache);
            var copy = snapshot.CopyList.Clone();
            for (var i = 0; i < 8; i++)
            {
                copy.Clear((await snapshot.ReadNextAsync(_buffer, CancellationToken.None)).First);
            }

            await WriteAsync(disk, 2, [5, 20, 21, 22, 23, 24]);
            await disk.StoreCheckpointAsync(Job, copy, default);
            await disk.SuspendAsync(snapshot);
            await WriteAsync(disk, 2, [25, 26, 27]);
        }

        private async Task GoOnAsync(TrackedDisk disk)
        {
            await WriteAsync(disk, 4, [8, 10, 28, 31, 47]);
            if (await disk.TryAdoptAsync(Job) is not { } snapshot)
            {
                return;
            }

            _goesOn = true;
            disk.TryGetCheckpoint(Job, out var pair);
            var left = pair.Copy.Clone();
            while (await snapshot.ReadNextAsync(_buffer, CancellationToken.None) is { Kind: SnapshotBlockKind.Data } block)
            {
                left.Clear(block.First);
                Compare(block.First);
                snapshot.Release(block.First);
                await WriteAsync(disk, 5, [(block.First + 7) % BlockCount]);
            }

            if (!left.IsEmpty())
            {
                _machine.Report($"block {left.NextSet(0)} is not there");
            }
        }

        private void Compare(long block)
        {
            for (var sector = 0L; sector < BlockBytes / Inode.SectorBytes; sector++)
            {
                var expected = _instant[(block * (BlockBytes / Inode.SectorBytes)) + sector];
                if (!_buffer.AsSpan((int)sector * Inode.SectorBytes, Inode.SectorBytes).SequenceEqual(expected))
                {
                    _machine.Report($"block {block} is not of the instant");
                    return;
                }
            }
        }

        private static async Task WriteAsync(TrackedDisk disk, byte round, IEnumerable<long> blocks)
        {
            foreach (var block in blocks)
            {
                var data = new byte[BlockBytes];
                Array.Fill(data, (byte)((round * 50) + block));
                await disk.WriteAsync(block * BlockBytes, data, false, CancellationToken.None);
            }
        }

        private void Live(int process, Func<TrackedDisk, Task> work)
        {
            var isDying = process == dying;
            var number = _machine.StartProcess(isDying ? crash : null);
            try
            {
                var scheduler = new SimScheduler(_machine, _machine.Dice);
                var done = LiveAsync(new SimFileLayer(_machine, number), scheduler, new SimClock(_machine, scheduler), work);
                while (!done.IsCompleted && !scheduler.IsEmpty)
                {
                    scheduler.RunOne();
                }

                done.GetAwaiter().GetResult();
                _machine.EndProcess();
            }
            catch (ProcessDied)
            {
                HasSurvived = false;
            }

            _machine.Crash();
            if (losesPower)
            {
                _machine.LosePower();
            }
        }

        private async Task LiveAsync(SimFileLayer files, SimScheduler scheduler, SimClock clock, Func<TrackedDisk, Task> work)
        {
            var disk = await TrackedDisk.OpenAsync(files, scheduler, clock, Machine.TrackingPath, _known, witness: null, guards, Machine.ScratchPath);
            ScratchDirectory.DeleteLeftovers(files, Machine.ScratchPath, new DiskId("d"), [.. disk.Suspended.Select(s => s.Job)]);
            _known = new TrackingExpectation(disk.FileId, disk.Generation, disk.Stamp, disk.Stamp);
            disk.AllowWrites();
            await work(disk);
            await disk.CloseAsync();
        }
    }
}
