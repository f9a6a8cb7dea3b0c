using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Blocks;
using ActorBackup.Storage.Trees;

namespace ActorBackup.Actors.Backups;

/// <summary>What a job has copied: the live copy bitmap, and the blocks that became durable since the last checkpoint.</summary>
/// <remarks>
/// A bit of the copy bitmap clears when its block is durable in the repository, or known to be zero (then there is nothing to store).
/// Taking the changes and the copy bitmap that goes with them is one step, so that a checkpoint's pair always matches (rule 10).
/// Memory: 40 bytes per block since the last checkpoint; <see cref="IsHeavy"/> asks for an early one.
/// </remarks>
public sealed class CopyLedger(DirtyBitmap copyBitmap, bool keepZeroes)
{
    private const int HeavyCount = 128 * 1024;

    private readonly Lock _lock = new();
    private List<BlockChange> _changes = [];

    /// <summary>Blocks that are not durably copied yet.</summary>
    public DirtyBitmap CopyBitmap { get; } = copyBitmap;

    public bool IsHeavy
    {
        get
        {
            lock (_lock)
            {
                return _changes.Count >= HeavyCount;
            }
        }
    }

    public void Durable(long blockIndex, BlockDigest digest)
    {
        lock (_lock)
        {
            _changes.Add(new BlockChange(blockIndex, 1, digest));
            CopyBitmap.Clear(blockIndex);
        }
    }

    /// <summary>The run reads as zeroes. Over nothing that needs no entry in the tree; over a base it takes entries away.</summary>
    public void Zero(long firstBlock, long count)
    {
        lock (_lock)
        {
            if (keepZeroes)
            {
                _changes.Add(new BlockChange(firstBlock, count, default));
            }

            CopyBitmap.ClearRange(firstBlock, firstBlock + count);
        }
    }

    /// <summary>The changes since the last call, ascending, and the copy bitmap that goes with them.</summary>
    public (List<BlockChange> Changes, DirtyBitmap Copy) Take()
    {
        List<BlockChange> taken;
        DirtyBitmap copy;
        lock (_lock)
        {
            taken = _changes;
            _changes = new List<BlockChange>(Math.Min(taken.Count, HeavyCount));
            copy = CopyBitmap.Clone();
        }

        taken.Sort(static (a, b) => a.FirstBlock.CompareTo(b.FirstBlock));
        return (taken, copy);
    }

    /// <summary>The changes could not be made durable: the next checkpoint takes them again.</summary>
    public void PutBack(List<BlockChange> changes)
    {
        lock (_lock)
        {
            changes.AddRange(_changes);
            _changes = changes;
        }
    }
}
