using ActorBackup.Actors.Jobs;
using ActorBackup.Storage.Reading;

namespace ActorBackup.Actors.Storage;

/// <summary>A restore's or verify's figures as a job's, and its pause and rate.</summary>
internal sealed class ReadProgress(JobProgress progress, JobControl control) : IReadProgress
{
    public void Total(long bytes) => progress.SetTotal(bytes);

    public void Done(long bytes) => progress.AddDone(bytes);

    public void Zero(long bytes) => progress.AddZero(bytes);

    public void Skipped(long bytes) => progress.AddReused(bytes);

    public async ValueTask PaceAsync(long bytes, CancellationToken cancellation)
    {
        if (bytes > 0 && control.Rate.BytesPerSecond > 0)
        {
            await control.Rate.TakeAsync(bytes, cancellation).ConfigureAwait(false);
        }

        await control.Gate.PassAsync(cancellation).ConfigureAwait(false);
    }
}
