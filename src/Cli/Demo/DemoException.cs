namespace ActorBackup.Cli.Demo;

/// <summary>The demo cannot go on: a check does not hold, or a command did not do what the next step needs.</summary>
public sealed class DemoException(string message) : Exception(message);
