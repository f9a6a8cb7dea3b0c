using ActorBackup.Volumes.Snapshots;

namespace ActorBackup.Volumes.Disks;

/// <summary>A disk whose guests' writes are held, with none in flight, until the instant is taken, it is given up, or its limit is over: whichever comes first.</summary>
public sealed class HeldWrites : IAsyncDisposable
{
    private readonly TimeProvider _time;
    private readonly long _since;
    private readonly Func<IReadOnlyList<DiskSnapshot>> _take;
    private readonly Action _release;
    private readonly Func<Task> _discard;
    private readonly ITimer _limit;
    private int _ended;

    internal HeldWrites(TimeProvider time, TimeSpan limit, Func<IReadOnlyList<DiskSnapshot>> take, Action release, Func<Task> discard)
    {
        (_time, _take, _release, _discard) = (time, take, release, discard);
        _since = time.GetTimestamp();

        // It starts when it is known: one that is over at once must be able to end itself.
        _limit = time.CreateTimer(_ => _ = DisposeAsync().AsTask(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _limit.Change(limit, Timeout.InfiniteTimeSpan);
    }

    /// <summary>How long writes were held; so far, while they are.</summary>
    public TimeSpan Held { get; private set; }

    /// <summary>Takes the instant and lets writes go on. Null = too late, writes go on already and nothing changed.</summary>
    public IReadOnlyList<DiskSnapshot>? TryTake()
    {
        if (Interlocked.Exchange(ref _ended, 1) != 0)
        {
            return null;
        }

        _limit.Dispose();
        try
        {
            return _take();
        }
        finally
        {
            Held = _time.GetElapsedTime(_since);
            _release();
        }
    }

    /// <summary>Lets writes go on and changes nothing. Idempotent, and harmless after the instant.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _ended, 1) == 0)
        {
            await _limit.DisposeAsync().ConfigureAwait(false);
            Held = _time.GetElapsedTime(_since);
            _release();
            await _discard().ConfigureAwait(false);
        }
    }
}
