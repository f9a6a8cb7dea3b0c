namespace ActorBackup.Files;

/// <summary>Where work that may block on the disk runs. The shipped one uses threads; a simulation uses one thread and its own order.</summary>
/// <remarks>
/// Classes that are built over this interface never start threads or tasks themselves, complete their TaskCompletionSources from posted work only,
/// and take time from a TimeProvider: then one thread and one seed decide everything.
/// </remarks>
public interface IScheduler
{
    /// <summary>Runs the work soon, on another stack. The work must not throw.</summary>
    void Post(Action work);

    /// <summary>The same, of work that nobody waits for and that may take its time.</summary>
    void PostInBackground(Action work) => Post(work);
}
