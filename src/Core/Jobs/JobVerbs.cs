using System.Diagnostics;

namespace ActorBackup.Core.Jobs;

public static class JobVerbs
{
    /// <summary>For "the job cannot be … now".</summary>
    public static string Done(this JobVerb verb) =>
        verb switch
        {
            JobVerb.Cancel => "cancelled",
            JobVerb.Pause => "paused",
            JobVerb.Resume => "resumed",
            JobVerb.SetRate => "given another rate",
            JobVerb.SetPolicy => "given another policy",
            JobVerb.Complete => "completed",
            JobVerb.Finalize => "finalized",
            JobVerb.Dismiss => "dismissed",
            _ => throw new UnreachableException($"No word for {verb}."),
        };
}
