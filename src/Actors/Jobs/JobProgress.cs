using ActorBackup.Messages.Disks;

namespace ActorBackup.Actors.Jobs;

/// <summary>A running job's figures: written by its workers, read by whoever asks. Bytes of the disk, save for Sent.</summary>
public sealed class JobProgress
{
    private long _total;
    private long _done;
    private long _sent;
    private long _reused;
    private long _zero;
    private volatile string _phase = "starting";

    public string Phase
    {
        get => _phase;
        set => _phase = value;
    }

    public void SetTotal(long bytes) => Volatile.Write(ref _total, bytes);

    /// <summary>Goes on from what was copied before. Nobody writes yet.</summary>
    public void Restore(JobStatistics before) =>
        (_total, _done, _sent, _reused, _zero) = (before.TotalBytes, before.DoneBytes, before.SentBytes, before.ReusedBytes, before.ZeroBytes);

    public void AddDone(long bytes) => Interlocked.Add(ref _done, bytes);

    public void AddSent(long bytes) => Interlocked.Add(ref _sent, bytes);

    public void AddReused(long bytes) => Interlocked.Add(ref _reused, bytes);

    public void AddZero(long bytes) => Interlocked.Add(ref _zero, bytes);

    public JobStatistics Read() =>
        new(Volatile.Read(ref _total), Volatile.Read(ref _done), Volatile.Read(ref _sent), Volatile.Read(ref _reused), Volatile.Read(ref _zero));
}
