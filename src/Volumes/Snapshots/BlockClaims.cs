using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Blocks;
using ActorBackup.Files;

namespace ActorBackup.Volumes.Snapshots;

/// <summary>One bit per block: somebody is moving it from the source. Short-lived; losers wait on posted work.</summary>
internal sealed class BlockClaims(BlockGeometry geometry, IScheduler scheduler)
{
    private readonly DirtyBitmap _busy = new(geometry);
    private readonly List<(long Block, TaskCompletionSource Free)> _waiters = [];
    private readonly Lock _lock = new();
    private int _waiting;

    public ulong Word(int word) => _busy.Word(word);

    public bool TryClaim(long block) => _busy.Mark(block);

    /// <summary>Claims what is free of the mask. Returns what was claimed.</summary>
    public ulong ClaimWord(int word, ulong mask) => mask & ~_busy.MarkWord(word, mask);

    public void Release(long block) => ReleaseWord((int)(block >> 6), 1UL << (int)(block & 63));

    public void ReleaseWord(int word, ulong mask)
    {
        _busy.ClearWord(word, mask);

        // Interlocked on both sides: either this sees the waiter counted, or the waiter sees the bit clear.
        if (Volatile.Read(ref _waiting) != 0)
        {
            Wake();
        }
    }

    /// <summary>Completes when the block was free at some moment since the call.</summary>
    public Task WaitAsync(long block)
    {
        lock (_lock)
        {
            Interlocked.Increment(ref _waiting);
            if (!_busy[block])
            {
                Interlocked.Decrement(ref _waiting);
                return Task.CompletedTask;
            }

            var free = new TaskCompletionSource();
            _waiters.Add((block, free));
            return free.Task;
        }
    }

    private void Wake()
    {
        List<TaskCompletionSource> free = [];
        lock (_lock)
        {
            for (var i = _waiters.Count - 1; i >= 0; i--)
            {
                if (!_busy[_waiters[i].Block])
                {
                    free.Add(_waiters[i].Free);
                    _waiters.RemoveAt(i);
                }
            }

            Interlocked.Add(ref _waiting, -free.Count);
        }

        if (free.Count > 0)
        {
            scheduler.Post(() => free.ForEach(f => f.SetResult()));
        }
    }
}
