namespace ActorBackup.Cli.Output;

/// <summary>Bytes per second of something that counts up, over a sliding window, so that a slow start is forgotten.</summary>
public sealed class ProgressRate(TimeProvider clock)
{
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(10);

    private readonly Queue<(long At, long Done)> _samples = new();

    /// <summary>Null until there are two samples apart in time.</summary>
    public double? BytesPerSecond { get; private set; }

    public void Add(long bytesDone)
    {
        var now = clock.GetTimestamp();
        _samples.Enqueue((now, bytesDone));
        while (_samples.Count > 2 && clock.GetElapsedTime(_samples.Peek().At, now) > Window)
        {
            _samples.Dequeue();
        }

        var (firstAt, firstDone) = _samples.Peek();
        var seconds = clock.GetElapsedTime(firstAt, now).TotalSeconds;
        BytesPerSecond = seconds > 0 ? Math.Max(0, bytesDone - firstDone) / seconds : null;
    }

    /// <summary>Null when nothing moves.</summary>
    public TimeSpan? TimeFor(long bytes) =>
        BytesPerSecond is > 0 and var rate && bytes / rate < TimeSpan.FromDays(365).TotalSeconds ? TimeSpan.FromSeconds(bytes / rate) : null;
}
