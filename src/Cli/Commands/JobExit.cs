using ActorBackup.Api;

namespace ActorBackup.Cli.Commands;

/// <summary>What a waiting command's exit code says about its job.</summary>
public static class JobExit
{
    /// <param name="job">Concluded, or waiting for a person.</param>
    public static int CodeOf(JobResource job) =>
        job switch
        {
            { Status: not "concluded" } => ExitCodes.PersonNeeded,
            { Outcome: "success" } when FellBack(job) => ExitCodes.Warnings,
            { Outcome: "success" } => ExitCodes.Done,
            { Outcome: "cancelled" } => ExitCodes.Cancelled,
            _ when IsDamage(job) => ExitCodes.Damaged,
            _ => ExitCodes.Failed,
        };

    /// <summary>The user asked for less than was done. <c>--sync auto</c> leaves the choice to the node, so nothing fell back.</summary>
    public static bool FellBack(JobResource job) => job is { FallbackReason: not null, RequestedSync: not "auto" };

    private static bool IsDamage(JobResource job) =>
        job.ErrorCode == ErrorCodes.Damaged || job is { Kind: "verify", BadExtents.Count: > 0 };
}
