using ActorBackup.Api;

namespace ActorBackup.Cli;

/// <summary>What each exit code says, in the words of docs/CLI.md.</summary>
public static class ExitText
{
    public static readonly IReadOnlyDictionary<int, string> All = new SortedDictionary<int, string>
    {
        [ExitCodes.Done] = "done",
        [ExitCodes.Failed] = "failed: the job's outcome is failed or interrupted (also when it left a partial point), or anything without a code of its own "
            + "(duplicate, missing file, port taken, newer version, no base, not available yet)",
        [ExitCodes.Usage] = "invalid whatever the state: usage, granularity, policy table, size",
        [ExitCodes.Warnings] = "success with a warning: a fallback was taken; `abk status`: some disk needs attention",
        [ExitCodes.Damaged] = "damage found",
        [ExitCodes.TimedOut] = "`--timeout` ran out; the job goes on",
        [ExitCodes.PersonNeeded] = "a person must act: the job waits in `pending` for `finalize`, or stopped on an error",
        [ExitCodes.Unknown] = "unknown disk, bitmap, job, point, repository",
        [ExitCodes.Busy] = "busy, locked, in use, pinned",
        [ExitCodes.NotAuthorised] = "not authorised",
        [ExitCodes.Unreachable] = "the node does not answer, or is not ready",
        [ExitCodes.Cancelled] = "cancelled",
        [ExitCodes.Interrupted] = "interrupted here (Ctrl-C); the job goes on",
    };
}
