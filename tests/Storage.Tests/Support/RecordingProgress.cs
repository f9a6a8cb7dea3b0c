using ActorBackup.Storage.Reading;

namespace ActorBackup.Storage.Tests.Support;

internal sealed class RecordingProgress : IReadProgress
{
    private long _done;
    private long _zero;
    private long _skipped;

    public long TotalBytes { get; private set; }

    public long DoneBytes => Interlocked.Read(ref _done);

    public long ZeroBytes => Interlocked.Read(ref _zero);

    public long SkippedBytes => Interlocked.Read(ref _skipped);

    public void Total(long bytes) => TotalBytes = bytes;

    public void Done(long bytes) => Interlocked.Add(ref _done, bytes);

    public void Zero(long bytes) => Interlocked.Add(ref _zero, bytes);

    public void Skipped(long bytes) => Interlocked.Add(ref _skipped, bytes);
}
