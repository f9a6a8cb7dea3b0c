using ActorBackup.Core.Blocks;
using ActorBackup.Core.Identity;
using ActorBackup.Storage;
using ActorBackup.Storage.Packs;
using ActorBackup.Storage.Points;
using ActorBackup.Storage.Trees;
using ActorBackup.Storage.Writing;

namespace ActorBackup.Simulation.Tests.Repositories;

/// <summary>A session that lays some blocks over a point, or over nothing, and publishes what comes of it, with several workers and checkpoints on the way.</summary>
/// <param name="world">All of it.</param>
/// <param name="process">That runs it.</param>
/// <param name="isQuiet">Nothing fails, and nobody cancels it.</param>
internal sealed class SessionLife(RepositoryWorld world, RepositoryProcess process, bool isQuiet) : IBlockObserver
{
    private const int BatchMax = 8;

    private readonly Queue<long> _blocks = new();
    private readonly Dictionary<long, int> _image = [];
    private readonly HashSet<long> _handedOver = [];
    private readonly HashSet<long> _durable = [];
    private readonly CancellationTokenSource _cancel = new();
    private List<BlockChange> _changes = [];
    private BlockDigest _root;
    private bool _isCheckpointing;

    public async Task RunAsync()
    {
        world.Statistics.Sessions++;
        try
        {
            await BackUpAsync();
        }
        catch (Exception e) when (e is StorageException or OperationCanceledException)
        {
            world.Trace.Add("session failed: " + e.Message);
            if (isQuiet)
            {
                world.Report($"a session without faults failed: {e}");
            }
        }
    }

    public void Durable(long block, BlockDigest digest)
    {
        if (process.IsAlive && !world.Truth.Holds(digest))
        {
            world.Report($"block {block} was said to be durable, and no durable pack holds it");
        }

        if (!_durable.Add(block))
        {
            world.Report($"block {block} was said to be durable twice");
        }

        _changes.Add(new BlockChange(block, 1, digest));
    }

    public async ValueTask<bool> FailedAsync(StorageException failure, int failureCount, CancellationToken ended)
    {
        world.Statistics.Failures++;
        if (world.Dice.Chance(0.3))
        {
            await process.Clock.Delay(TimeSpan.FromSeconds(world.Dice.Between(1, 90))).WaitAsync(ended);
        }

        var again = world.Dice.Chance(0.7);
        world.Statistics.Retries += again ? 1 : 0;
        return again;
    }

    private async Task BackUpAsync()
    {
        await ChooseBaseAsync();
        DrawBlocks();
        if (!isQuiet && world.Dice.Chance(0.1))
        {
            process.Start(async () =>
            {
                await process.Clock.Delay(TimeSpan.FromMilliseconds(world.Dice.Between(0, 5000)));
                await _cancel.CancelAsync();
            });
        }

        await using var session = process.Repository!.Writer.StartSession(this, process.Repository.Nodes);
        var workers = Enumerable.Range(0, 1 + world.Dice.Below(3)).Select(_ => StoreAsync(session)).ToList();
        await Task.WhenAll(workers);
        await CheckpointAsync(session);
        if (_changes.Count > 0 || !_durable.SetEquals(_handedOver))
        {
            world.Report("a flush came back before all was durable");
        }

        await PublishAsync();
    }

    private async Task ChooseBaseAsync()
    {
        if (world.Dice.Chance(0.3))
        {
            return;
        }

        var listing = await process.Repository!.Points.ListAsync(CancellationToken.None);
        if (listing.Damaged.Count > 0)
        {
            world.Report($"point {listing.Damaged[0].Id} is damaged: {listing.Damaged[0].Reason}");
        }

        if (listing.Points.Count == 0)
        {
            return;
        }

        var below = world.Dice.Pick(listing.Points);
        _root = below.Root;
        foreach (var (block, content) in world.Images[below.Id])
        {
            _image[block] = content;
        }
    }

    /// <summary>Few contents, so that sessions bring the same ones at once.</summary>
    private void DrawBlocks()
    {
        var first = world.Dice.Between(0, world.Geometry.BlockCount - 1);
        var blocks = Enumerable.Range(0, 1 + world.Dice.Below(world.Dice.Pick([5, 40, 120])))
            .Select(i => (first + (i * (1 + world.Dice.Below(3)))) % world.Geometry.BlockCount)
            .Distinct();
        foreach (var block in blocks)
        {
            if (world.Dice.Chance(0.1))
            {
                _changes.Add(new BlockChange(block, 1, default));
                _image.Remove(block);
            }
            else
            {
                _blocks.Enqueue(block);
                _image[block] = world.Dice.Below(world.Dice.Pick([10, 300]));
            }
        }
    }

    private async Task StoreAsync(BlockSession session)
    {
        var buffer = new byte[BatchMax * world.Geometry.BlockBytes];
        while (_blocks.Count > 0)
        {
            if (world.Dice.Chance(0.3))
            {
                await process.PauseAsync();
            }

            var batch = new List<BlockToStore>();
            for (var left = 1 + world.Dice.Below(BatchMax); left > 0 && _blocks.TryDequeue(out var block); left--)
            {
                var plain = buffer.AsMemory((int)(batch.Count * world.Geometry.BlockBytes), (int)world.Geometry.BlockBytes);
                world.Content(_image[block]).CopyTo(plain);
                batch.Add(new BlockToStore(block, BlockDigests.Of(plain.Span), plain));
            }

            world.Statistics.Blocks += batch.Count;
            await session.StoreAsync(batch.ToArray(), _cancel.Token);
            Array.Fill(buffer, (byte)0xee);
            foreach (var stored in batch)
            {
                _handedOver.Add(stored.Block);
            }

            if (world.Dice.Chance(0.1) && !_isCheckpointing)
            {
                await CheckpointAsync(session);
            }
        }
    }

    private async Task CheckpointAsync(BlockSession session)
    {
        while (_isCheckpointing)
        {
            await process.PauseAsync();
        }

        _isCheckpointing = true;
        try
        {
            var before = _handedOver.ToList();
            await session.FlushAsync(_cancel.Token);
            if (before.Exists(b => !_durable.Contains(b)))
            {
                world.Report("a flush came back before what was stored is durable");
            }

            var changes = _changes;
            _changes = [];
            changes.Sort(static (a, b) => a.FirstBlock.CompareTo(b.FirstBlock));
            _root = await ImageTreeUpdater.ApplyAsync(new TreeShape(world.Geometry), _root, changes, session.Nodes, _cancel.Token);
            await session.FlushAsync(_cancel.Token);
            world.Statistics.Flushes++;
            if (process.IsAlive && !_root.IsNone && !world.Truth.Holds(_root))
            {
                world.Report("a flush came back before the tree was durable");
            }
        }
        finally
        {
            _isCheckpointing = false;
        }
    }

    private async Task PublishAsync()
    {
        var id = world.NewPoint();
        var point = new RecoveryPoint
        {
            Id = id,
            Disk = new DiskId("d"),
            Job = new JobId(id.Value),
            CreatedAt = world.Machine.Now,
            SizeBytes = world.Geometry.SizeBytes,
            BlockBytes = (int)world.Geometry.BlockBytes,
            Root = _root,
        };
        world.Images[id] = _image;
        if (await process.Repository!.Points.PublishAsync(point, CancellationToken.None) != PublishOutcome.Buried)
        {
            world.Acknowledge(id);
        }

        if (world.Dice.Chance(0.1))
        {
            world.GiveUp(id);
            await process.Repository.Points.DeleteAsync(id, CancellationToken.None);
        }
    }
}
