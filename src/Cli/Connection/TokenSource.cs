using System.Text.Json;
using ActorBackup.Api;

namespace ActorBackup.Cli.Connection;

/// <summary>Finds the node's token: given by flag or environment, else the one in the local node's data directory.</summary>
/// <remarks>
/// A local node is found by ACTORBACKUP_DATA, then by the file that a node leaves at start for the user who started it
/// (<c>$XDG_STATE_HOME</c> or <c>~/.local/state</c>, then <c>actorbackup/nodes/PORT.json</c> with <c>{"data": DIR}</c>), then at ./abk-data. The port's file comes before
/// the working directory because two nodes may run here and only the port says which one is meant.
/// A local node's token is never sent to another machine.
/// </remarks>
public sealed class TokenSource(Uri endpoint, CliHost host)
{
    private const string DefaultData = "abk-data";

    /// <summary>Null when there is none to be found; then only health may be asked.</summary>
    public string? Find(string? tokenFile)
    {
        if (tokenFile is not null)
        {
            return ReadGiven(tokenFile, "--token-file");
        }

        if (host.Variable("ACTORBACKUP_TOKEN") is { Length: > 0 } token)
        {
            return Checked(token.Trim(), "ACTORBACKUP_TOKEN");
        }

        return host.Variable("ACTORBACKUP_TOKEN_FILE") is { Length: > 0 } file ? ReadGiven(file, "ACTORBACKUP_TOKEN_FILE")
            : endpoint.IsLoopback ? LocalData().Select(TokenOf).FirstOrDefault(t => t is not null)
            : null;
    }

    private string ReadGiven(string path, string origin)
    {
        var full = Path.GetFullPath(path, host.WorkingDirectory);
        try
        {
            return Checked(File.ReadAllText(full).Trim(), $"{full} (from {origin})");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CliException(ErrorCodes.Unauthorized, $"cannot read the token in {full} (from {origin}): {e.Message}");
        }
    }

    /// <summary>A header carries one line of printable ASCII; anything else is some other file.</summary>
    private static bool IsToken(string text) => text.Length > 0 && !text.AsSpan().ContainsAnyExceptInRange(' ', '~');

    private static string Checked(string token, string origin) =>
        IsToken(token)
            ? token
            : throw new CliException(ErrorCodes.Unauthorized, $"there is no token in {origin}: a token is one line of printable characters; a node's is in its DATA/token");

    private IEnumerable<string> LocalData()
    {
        if (host.Variable("ACTORBACKUP_DATA") is { Length: > 0 } data)
        {
            yield return Path.GetFullPath(data, host.WorkingDirectory);
        }

        foreach (var state in StateDirectories())
        {
            if (PointedAt(Path.Combine(state, "actorbackup", "nodes", $"{endpoint.Port}.json")) is { } pointed)
            {
                yield return pointed;
            }
        }

        yield return Path.Combine(host.WorkingDirectory, DefaultData);
    }

    private IEnumerable<string> StateDirectories()
    {
        if (host.Variable("XDG_STATE_HOME") is { Length: > 0 } state)
        {
            yield return state;
        }

        if (host.HomeDirectory.Length > 0)
        {
            yield return Path.Combine(host.HomeDirectory, ".local", "state");
        }
    }

    private static string? PointedAt(string pointer)
    {
        try
        {
            using var json = JsonDocument.Parse(File.ReadAllBytes(pointer));
            return json.RootElement.TryGetProperty("data", out var data) ? data.GetString() : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException or InvalidOperationException)
        {
            // No node of this user has served this port, or it is just writing the file: look elsewhere.
            return null;
        }
    }

    private static string? TokenOf(string data)
    {
        try
        {
            return File.ReadAllText(Path.Combine(data, "token")).Trim() is var token && IsToken(token) ? token : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
