namespace ActorBackup.Core.Jobs;

/// <summary>What a job does when its source or its target fails, in QEMU's words.</summary>
public enum ErrorPolicy
{
    Report = 0,
    Ignore = 1,
    Stop = 2,

    /// <summary>Stop when there is no space, else report.</summary>
    Enospc = 3,

    /// <summary>For a job the same as <see cref="Enospc"/>.</summary>
    Auto = 4,
}

public enum ErrorAction
{
    /// <summary>The job fails.</summary>
    Report,

    /// <summary>The job goes on as well as it can.</summary>
    Ignore,

    /// <summary>The job pauses until a person resumes it, and then tries again.</summary>
    Stop,
}

public static class ErrorPolicies
{
    public static ErrorAction ActionOn(this ErrorPolicy policy, bool isNoSpace) =>
        policy switch
        {
            ErrorPolicy.Ignore => ErrorAction.Ignore,
            ErrorPolicy.Stop => ErrorAction.Stop,
            ErrorPolicy.Enospc or ErrorPolicy.Auto when isNoSpace => ErrorAction.Stop,
            _ => ErrorAction.Report,
        };
}
