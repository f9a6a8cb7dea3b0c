namespace ActorBackup.Actors.Jobs;

/// <summary>What was said about a job that waited in pending.</summary>
public enum JobDecision
{
    /// <summary>Do what the policy says.</summary>
    Policy,

    /// <summary>Keep what was copied, also where the policy is conditional.</summary>
    Keep,

    /// <summary>As if the job had never run.</summary>
    Discard,
}

public static class JobDecisions
{
    public static JobDecision Of(bool? keep) =>
        keep switch
        {
            null => JobDecision.Policy,
            true => JobDecision.Keep,
            false => JobDecision.Discard,
        };
}
