using ActorBackup.Actors.Storage;
using ActorBackup.Messages;

namespace ActorBackup.Actors;

/// <summary>Bounds how long anybody waits for a repository. Its storage may hang inside a system call that no token ends, so the work goes on by itself.</summary>
/// <remarks>Only for work that may also happen late: looking, and putting what has one key and one content.</remarks>
internal static class Patience
{
    public static readonly TimeSpan Usual = TimeSpan.FromSeconds(20);

    [ThreadStatic]
    private static TimeProvider? _simulated;

    /// <summary>Real time, because storage that hangs knows no other; on the thread of a simulation its own.</summary>
    internal static TimeProvider Clock
    {
        get => _simulated ?? TimeProvider.System;
        set => _simulated = value;
    }

    /// <summary>Work with a repository that is there and is the one it was.</summary>
    /// <exception cref="RefusedException">It is not, or the time is up.</exception>
    public static Task<T> WithRepositoryAsync<T>(IRepositories repositories, string repositoryId, string shownAs, Func<OpenRepository, Task<T>> work) =>
        WithinAsync(Usual, shownAs, async () =>
        {
            var repository = await repositories.OpenAsync(repositoryId).ConfigureAwait(false);
            await repository.EnsureAvailableAsync().ConfigureAwait(false);
            return await work(repository).ConfigureAwait(false);
        });

    /// <exception cref="RefusedException">The time is up.</exception>
    public static async Task<T> WithinAsync<T>(TimeSpan patience, string repository, Func<Task<T>> work)
    {
        try
        {
            return await Task.Run(work).WaitAsync(patience, Clock).ConfigureAwait(false);
        }
        catch (TimeoutException e)
        {
            throw new RefusedException(
                new Refusal(RefusalCode.NotReady, $"repository '{repository}' has not answered for {patience.TotalSeconds:0} s; check its storage, then try again"), e);
        }
    }
}
