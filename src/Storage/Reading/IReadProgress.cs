namespace ActorBackup.Storage.Reading;

/// <summary>Hears how far a restore or verify is. In bytes of the disk, from any thread.</summary>
public interface IReadProgress
{
    /// <summary>Of the whole work.</summary>
    void Total(long bytes);

    void Done(long bytes);

    /// <summary>Of what is done: needed no reading.</summary>
    void Zero(long bytes);

    /// <summary>Of what is done: left alone, because it was so already or is not to be looked at.</summary>
    void Skipped(long bytes);

    /// <summary>Asked before that much is read, or before a step that reads nothing: takes as long as whoever steers the work wants it to wait.</summary>
    ValueTask PaceAsync(long bytes, CancellationToken cancellation) => ValueTask.CompletedTask;
}
