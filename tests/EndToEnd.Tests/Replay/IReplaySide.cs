namespace ActorBackup.EndToEnd.Tests.Replay;

/// <summary>One of the two that are compared.</summary>
internal interface IReplaySide
{
    /// <summary>Carries it out, but does not wait for the jobs that it starts or ends.</summary>
    Task<ReplayAnswer> DoAsync(ReplayAction action);

    /// <summary>By name.</summary>
    Task<IReadOnlyList<BitmapView>> BitmapsAsync(int disk);

    /// <summary>Waits until the job is over (<c>success</c>, <c>failed</c> or <c>cancelled</c>) or waits in <c>pending</c>.</summary>
    /// <param name="mayWait">Else it only passes through pending.</param>
    Task<string> SettleAsync(string job, bool mayWait);
}
