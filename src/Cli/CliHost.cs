namespace ActorBackup.Cli;

/// <summary>What the command line takes from the process around it, so that tests and the demo can stand in for a terminal.</summary>
public sealed class CliHost
{
    public required TextWriter Out { get; init; }

    public required TextWriter Error { get; init; }

    /// <summary>Progress is drawn over itself on standard error.</summary>
    public bool IsTerminal { get; init; }

    /// <summary>Columns that a table may take; wide when nobody looks, so that scripts see whole lines.</summary>
    public int Width { get; init; } = 1000;

    /// <summary>Columns of the terminal that progress is drawn on.</summary>
    public int ProgressWidth { get; init; } = 80;

    public required string WorkingDirectory { get; init; }

    /// <summary>Of the user; known without HOME too. Empty when there is none.</summary>
    public string HomeDirectory { get; init; } = "";

    public Func<string, string?> Variable { get; init; } = static _ => null;

    public TimeProvider Clock { get; init; } = TimeProvider.System;

    /// <summary>Ctrl-C.</summary>
    public CancellationToken Interrupted { get; init; }

    public static CliHost OfProcess(CancellationToken interrupted) => new()
    {
        Out = Console.Out,
        Error = Console.Error,
        IsTerminal = !Console.IsErrorRedirected && Environment.GetEnvironmentVariable("TERM") is not (null or "dumb"),
        ProgressWidth = Console.IsOutputRedirected ? 80 : Math.Max(40, Console.WindowWidth),
        Width = Console.IsOutputRedirected ? 1000 : Math.Max(40, Console.WindowWidth),
        WorkingDirectory = Environment.CurrentDirectory,
        HomeDirectory = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile),
        Variable = Environment.GetEnvironmentVariable,
        Interrupted = interrupted,
    };
}
