using ActorBackup.Cli.Output;

namespace ActorBackup.Cli.Commands;

/// <summary>The result of a command after which something is gone.</summary>
/// <param name="Ids">What is gone.</param>
public sealed record Removed([property: System.Text.Json.Serialization.JsonPropertyName("removed")] IReadOnlyList<string> Ids)
{
    public static void Print(Call call, string line, params IReadOnlyList<string> ids) =>
        call.Results.Write(new Removed(ids), CliJson.Default.Removed, table => table.Line(line));
}
