using System.Globalization;
using System.Text.Json;

namespace ActorBackup.Node.Startup;

/// <summary>Tells the command line of the same user where a running node keeps its token: <c>~/.local/state/actorbackup/nodes/PORT.json</c>.</summary>
public static class NodePointer
{
    public static void Write(int httpPort, string dataDirectory)
    {
        try
        {
            var directory = Path.Combine(StateHome(), "actorbackup", "nodes");
            Directory.CreateDirectory(directory);
            File.WriteAllText(
                Path.Combine(directory, httpPort.ToString(CultureInfo.InvariantCulture) + ".json"),
                $"{{\"data\": {JsonSerializer.Serialize(dataDirectory)}}}\n");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Only a convenience: --token-file and ACTORBACKUP_TOKEN work without it.
        }
    }

    private static string StateHome() =>
        Environment.GetEnvironmentVariable("XDG_STATE_HOME") is { Length: > 0 } state
            ? state
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".local", "state");
}
