using System.CommandLine;
using ActorBackup.Api;
using ActorBackup.Cli.Connection;
using ActorBackup.Cli.Output;
using ActorBackup.Cli.Values;

namespace ActorBackup.Cli;

/// <summary>One command being run: its arguments, the node it talks to and where its results go.</summary>
public sealed class Call(ParseResult parsed, CliHost host, CancellationToken cancellation) : IDisposable
{
    private NodeClient? _node;

    public CliHost Host { get; } = host;

    public CancellationToken Cancellation { get; } = cancellation;

    public OutputFormat Format { get; } = parsed.GetValue(GlobalOptions.Output);

    /// <summary>Connects at first use, so that what is refused here needs no node.</summary>
    public NodeClient Node => _node ??= Connect();

    public ResultWriter Results => new(Host, Format);

    public T? Get<T>(Option<T> option) => parsed.GetValue(option);

    public T Get<T>(Argument<T> argument) => parsed.GetRequiredValue(argument);

    /// <summary>Null when the flag was not given.</summary>
    public long? Size(Option<string?> option, string code = ErrorCodes.InvalidSize) =>
        Get(option) is not { } text ? null : ParseSize(option.Name, text, code);

    public static long ParseSize(string name, string text, string code = ErrorCodes.InvalidSize) =>
        ByteSize.TryParse(text, out var bytes) ? bytes : throw new CliException(code, $"{name} '{text}' is no size: {ByteSize.Rule}");

    /// <summary>Null when the flag was not given.</summary>
    public long? Rate(Option<string?> option) => Get(option) is not { } text ? null : ParseRate(option.Name, text);

    public static long ParseRate(string name, string text) =>
        ByteSize.TryParse(text.EndsWith("/s", StringComparison.OrdinalIgnoreCase) ? text[..^2] : text, out var bytes)
            ? bytes
            : throw new CliException(ErrorCodes.InvalidSize, $"{name} '{text}' is no rate: {ByteSize.Rule}; 0 is unlimited");

    public TimeSpan? Duration(Option<string?> option) =>
        Get(option) is not { } text ? null
        : TimeText.TryParse(text, out var duration) ? duration
        : throw new CliException(ErrorCodes.InvalidArgument, $"{option.Name} '{text}' is no time: {TimeText.Rule}");

    public int? Count(Option<string?> option, int least, int most = int.MaxValue) =>
        Get(option) is not { } text ? null
        : int.TryParse(text, out var count) && count >= least && count <= most ? count
        : throw new CliException(
            ErrorCodes.InvalidArgument,
            $"{option.Name} '{text}' must be a number {(most == int.MaxValue ? $"from {least} on" : $"from {least} to {most}")}");

    /// <summary>The value when it is one of the option's choices; null when the flag was not given.</summary>
    public string? Choice(Choice choice) => choice.Check(Get(choice.Option));

    /// <summary>Paths are made absolute here and opened on the node.</summary>
    public string? FullPath(Option<string?> option) =>
        Get(option) is not { } path ? null
        : path.Length > 0 ? Path.GetFullPath(path, Host.WorkingDirectory)
        : throw new CliException(ErrorCodes.InvalidArgument, $"{option.Name} needs a path");

    public void Dispose() => _node?.Dispose();

    private NodeClient Connect()
    {
        var endpoint = NodeEndpoint.Choose(Get(GlobalOptions.Endpoint), Host.Variable);
        return new NodeClient(endpoint, new TokenSource(endpoint, Host).Find(Get(GlobalOptions.TokenFile)));
    }
}
