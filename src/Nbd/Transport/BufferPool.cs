namespace ActorBackup.Nbd.Transport;

/// <summary>Buffers in a few sizes, shared by all connections of the process.</summary>
/// <remarks>
/// ArrayPool keeps an array per size for every thread that ever returned one, which a thread per connection turns into a leak; and
/// fresh pages are dear. This pool keeps at most about 50 MiB in all. Every size has a page to spare, so that a power of two of payload and
/// the headers around it fit together. What does not fit is garbage that the collector takes its time with, because it has no hurry: after a flood
/// of large requests that would be a multiple of what there was at any moment. So beyond an amount the pool asks for a collection.
/// </remarks>
internal sealed class BufferPool
{
    /// <summary>Holds a request with 4 KiB of payload; what an idle connection keeps.</summary>
    public const int SmallBytes = 8 * 1024;

    /// <summary>What a busy connection uses.</summary>
    public const int LargeBytes = (64 * 1024) + SlackBytes;

    /// <summary>Dropped buffers that are worth a collection, which takes some milliseconds in the background.</summary>
    public const long GarbageBytesMax = 64 * 1024 * 1024;

    /// <summary>So often at most, and late enough for the whole of a burst.</summary>
    public static readonly TimeSpan CollectDelay = TimeSpan.FromSeconds(1);

    private const int SlackBytes = 4096;

    private static readonly (int SizeBytes, int Kept)[] Classes =
    [
        (SmallBytes, 256),
        (LargeBytes, 64),
        ((256 * 1024) + SlackBytes, 16),
        ((1024 * 1024) + SlackBytes, 8),
        ((4 * 1024 * 1024) + SlackBytes, 2),
        ((32 * 1024 * 1024) + SlackBytes, 1),
    ];

    private readonly Lock _gate = new();
    private readonly Stack<SharedBuffer>[] _free = [.. Classes.Select(_ => new Stack<SharedBuffer>())];

    private readonly Action _collect;
    private readonly ITimer _timer;
    private long _garbageBytes;

    /// <param name="clock">Null for the system's.</param>
    /// <param name="collect">Null for a collection in the background.</param>
    public BufferPool(TimeProvider? clock = null, Action? collect = null)
    {
        _collect = collect ?? (static () => GC.Collect(GC.MaxGeneration, GCCollectionMode.Forced, blocking: false));
        _timer = (clock ?? TimeProvider.System).CreateTimer(static pool => ((BufferPool)pool!).Collect(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    public static BufferPool Shared { get; } = new();

    /// <summary>A buffer of at least this size with one reference; its content is arbitrary.</summary>
    public SharedBuffer Rent(int sizeBytes)
    {
        var sizeClass = ClassOf(sizeBytes);
        if (sizeClass == Classes.Length)
        {
            return Fresh(sizeClass, sizeBytes);
        }

        lock (_gate)
        {
            if (_free[sizeClass].TryPop(out var buffer))
            {
                buffer.Reset();
                return buffer;
            }
        }

        return Fresh(sizeClass, Classes[sizeClass].SizeBytes);
    }

    internal void Return(SharedBuffer buffer)
    {
        lock (_gate)
        {
            if (buffer.SizeClass < Classes.Length && _free[buffer.SizeClass].Count < Classes[buffer.SizeClass].Kept)
            {
                _free[buffer.SizeClass].Push(buffer);
                return;
            }

            var before = _garbageBytes;
            _garbageBytes += buffer.Array.Length;
            if (before < GarbageBytesMax && _garbageBytes >= GarbageBytesMax)
            {
                _timer.Change(CollectDelay, Timeout.InfiniteTimeSpan);
            }
        }
    }

    private void Collect()
    {
        lock (_gate)
        {
            _garbageBytes = 0;
        }

        _collect();
    }

    private static int ClassOf(int sizeBytes)
    {
        var sizeClass = 0;
        while (sizeClass < Classes.Length && Classes[sizeClass].SizeBytes < sizeBytes)
        {
            sizeClass++;
        }

        return sizeClass;
    }

    private SharedBuffer Fresh(int sizeClass, int sizeBytes)
    {
        var buffer = new SharedBuffer(this, sizeClass, sizeBytes);
        buffer.Reset();
        return buffer;
    }
}
