using ActorBackup.Actors.Jobs;
using ActorBackup.Storage.Reading;

namespace ActorBackup.Actors.Storage;

/// <summary>A restore's or verify's figures as a job's.</summary>
internal sealed class ReadProgress(JobProgress progress) : IReadProgress
{
    public void Total(long bytes) => progress.SetTotal(bytes);

    public void Done(long bytes) => progress.AddDone(bytes);

    public void Zero(long bytes) => progress.AddZero(bytes);

    public void Skipped(long bytes) => progress.AddReused(bytes);
}
