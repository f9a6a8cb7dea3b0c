namespace ActorBackup.Api;

/// <summary>The CLI's exit codes; stable.</summary>
public static class ExitCodes
{
    public const int Done = 0;
    public const int Failed = 1;
    public const int Usage = 2;
    public const int Warnings = 3;
    public const int Damaged = 4;
    public const int TimedOut = 5;
    public const int PersonNeeded = 6;
    public const int Unknown = 10;
    public const int Busy = 11;
    public const int NotAuthorised = 12;
    public const int Unreachable = 13;
    public const int Cancelled = 14;
    public const int Interrupted = 130;
}
