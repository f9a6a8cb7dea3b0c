namespace ActorBackup.Cli.Commands;

/// <param name="Version">Of this program.</param>
/// <param name="Node">Of the node, when it was asked.</param>
public sealed record VersionText(string Version, string? Node);
