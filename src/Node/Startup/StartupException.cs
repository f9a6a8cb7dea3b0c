using ActorBackup.Api;

namespace ActorBackup.Node.Startup;

/// <summary>Why a node does not start: one line for the person, and the process's exit code.</summary>
public sealed class StartupException(int exitCode, string message) : Exception(message)
{
    public int ExitCode { get; } = exitCode;

    public static StartupException Usage(string message) => new(ExitCodes.Usage, message);
}
