using ActorBackup.Core.Bitmaps;
using ActorBackup.Simulation.Tests.Model;
using ActorBackup.Volumes;
using ActorBackup.Volumes.Snapshots;

namespace ActorBackup.Simulation.Tests.Disks;

/// <summary>Reads a snapshot into the repository with a few readers at once, and checkpoints: blocks, then their tree, then the pair (rule 10).</summary>
/// <param name="world">All of it.</param>
/// <param name="process">That runs it.</param>
/// <param name="job">Whose copying it is.</param>
/// <param name="snapshot">What is read.</param>
/// <param name="below">The base's tree.</param>
/// <param name="pair">Of the suspended run that this one goes on with; null = it begins.</param>
internal sealed class JobCopy(World world, DiskProcess process, BackupJob job, DiskSnapshot snapshot, SimTree below, JobCheckpoint? pair)
{
    private const int SourceRetries = 2;

    private readonly DirtyBitmap _left = (pair?.Copy ?? snapshot.CopyList).Clone();
    private readonly SimTree _below = below;
    private List<KeyValuePair<long, byte[]?>> _changes = [];
    private bool _isCheckpointing;
    private bool _hasFailed;

    public bool HasFailed => _hasFailed;

    public DirtyBitmap CopyList => snapshot.CopyList;

    /// <summary>The pair that is known to be durable; the copy is null before the first.</summary>
    public DirtyBitmap? StoredCopy { get; private set; } = pair?.Copy.Clone();

    public SimTree StoredTree { get; private set; } = pair is { } p ? world.Toy.FindTree(p.Root) ?? SimTree.Empty with { Root = p.Root } : below;

    /// <summary>False when it failed or was cancelled.</summary>
    public async Task<bool> RunAsync()
    {
        var readers = Enumerable.Range(0, 1 + world.Dice.Below(3)).Select(_ => ReadAllAsync()).ToList();
        foreach (var reader in readers)
        {
            await reader;
        }

        if (_hasFailed || job.Control.IsCancelled || (job.Control.IsSuspending && _left.NextSet(0) >= 0))
        {
            return false;
        }

        return await TryCheckpointAsync() && !job.Control.IsCancelled;
    }

    public async Task<bool> TryCheckpointAsync(bool isLast = false)
    {
        while (_isCheckpointing)
        {
            await process.PauseAsync();
        }

        _isCheckpointing = true;
        try
        {
            await CheckpointAsync(isLast);
            return true;
        }
        catch (Exception e) when (BackupJob.IsExpected(e))
        {
            return false;
        }
        finally
        {
            _isCheckpointing = false;
        }
    }

    private async Task CheckpointAsync(bool isLast)
    {
        await process.PauseAsync();
        var (changes, copy) = (_changes, _left.Clone());
        if (changes.Count == 0 && StoredCopy?.Count() == copy.Count() && !isLast)
        {
            return;
        }

        _changes = [];
        try
        {
            var tree = changes.Count == 0 ? StoredTree : world.Toy.NewTree(changes, StoredTree);
            if (world.Order.TreeBeforePair)
            {
                await StoreTreeAsync(tree);
            }

            if (job.Spec.Bitmap is not null || isLast)
            {
                await process.Disk.StoreCheckpointAsync(job.Spec.Id, copy, tree.Root);
            }

            if (!world.Order.TreeBeforePair)
            {
                await StoreTreeAsync(tree);
            }

            (StoredTree, StoredCopy) = (tree, copy);
        }
        catch
        {
            changes.AddRange(_changes);
            _changes = changes;
            throw;
        }
    }

    private async Task StoreTreeAsync(SimTree tree)
    {
        await process.PauseAsync();
        world.Toy.StoreTree(process.Number, tree);
    }

    private async Task ReadAllAsync()
    {
        var buffer = new byte[snapshot.Geometry.BlockBytes];
        try
        {
            while (!_hasFailed && !job.Control.IsCancelled && !job.Control.IsSuspending)
            {
                if (world.Dice.Chance(0.3))
                {
                    await process.PauseAsync();
                }

                if (!await ReadOneAsync(buffer))
                {
                    return;
                }

                if (world.Dice.Chance(0.08) && !await TryCheckpointAsync())
                {
                    _hasFailed = true;
                }
            }
        }
        catch (Exception e) when (BackupJob.IsExpected(e))
        {
            _hasFailed = true;
        }
    }

    private async Task<bool> ReadOneAsync(byte[] buffer)
    {
        var block = await snapshot.ReadNextAsync(buffer, CancellationToken.None);
        for (var retry = 0; block.Kind == SnapshotBlockKind.Unreadable && retry < SourceRetries; retry++)
        {
            block = await snapshot.ReadAsync(block.First, buffer, CancellationToken.None);
        }

        switch (block.Kind)
        {
            case SnapshotBlockKind.Data:
                var content = (byte[])buffer.Clone();
                if (world.Dice.Chance(0.5))
                {
                    await process.Scheduler.Yield();
                    world.Toy.Touch(process.Number);
                }

                snapshot.Release(block.First);
                Add(block.First, content);
                return true;
            case SnapshotBlockKind.Zero:
                for (var i = 0L; i < block.Count; i++)
                {
                    Add(block.First + i, null);
                }

                if (block.Count == 1)
                {
                    snapshot.Release(block.First);
                }

                return true;
            case SnapshotBlockKind.Unreadable:
                _hasFailed = true;
                return false;
            default:
                return false;
        }
    }

    private void Add(long block, byte[]? content)
    {
        if (content is not null || _below.Blocks.ContainsKey(block))
        {
            _changes.Add(new(block, content));
        }

        _left.Clear(block);
    }
}
