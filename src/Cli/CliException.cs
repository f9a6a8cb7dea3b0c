using ActorBackup.Api;

namespace ActorBackup.Cli;

/// <summary>An error that a person reads: one line that says what, why and what to do.</summary>
/// <param name="code">One of <see cref="ErrorCodes"/>.</param>
/// <param name="message">One line.</param>
/// <param name="exitCode">Null: the code's own.</param>
public sealed class CliException(string code, string message, int? exitCode = null) : Exception(message)
{
    public string Code { get; } = code;

    public int ExitCode { get; } = exitCode ?? ErrorCodes.ExitCodeOf(code);
}
