using ActorBackup.Api;

namespace ActorBackup.Cli.Connection;

/// <summary>Which node a command talks to.</summary>
public static class NodeEndpoint
{
    public const string Variable = "ACTORBACKUP_ENDPOINT";

    /// <summary>The flag, else the environment, else this machine's default port.</summary>
    public static Uri Choose(string? flag, Func<string, string?> variable)
    {
        var text = flag ?? NonEmpty(variable(Variable)) ?? Routes.DefaultEndpoint;
        var withScheme = text.Contains("://", StringComparison.Ordinal) ? text : "http://" + text;
        return Uri.TryCreate(withScheme, UriKind.Absolute, out var uri) && uri is { Scheme: "http" or "https", Host.Length: > 0 }
            ? uri
            : throw new CliException(ErrorCodes.InvalidArgument, $"'{text}' is no endpoint; write it as {Routes.DefaultEndpoint}");
    }

    private static string? NonEmpty(string? text) => string.IsNullOrWhiteSpace(text) ? null : text;
}
