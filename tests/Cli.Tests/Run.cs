using System.Net;
using System.Net.Sockets;

namespace ActorBackup.Cli.Tests;

/// <summary>Runs one command line and keeps what it printed.</summary>
public sealed record Run(int Exit, string Out, string Error)
{
    public IReadOnlyList<string> OutLines => Out.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    public IReadOnlyList<string> ErrorLines => Error.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>Without a node.</summary>
    public static Task<Run> AbkAsync(params string[] args) => WithAsync([], args);

    /// <summary>Against a stub.</summary>
    public static Task<Run> AgainstAsync(StubNode node, params string[] args) =>
        WithAsync(new() { ["ACTORBACKUP_ENDPOINT"] = node.Endpoint, ["ACTORBACKUP_TOKEN"] = "secret" }, args);

    public static async Task<Run> WithAsync(
        Dictionary<string, string> variables, string[] args, string workingDirectory = "/work-dir", CancellationToken interrupted = default)
    {
        var output = new StringWriter();
        var error = new StringWriter();
        var exit = await Abk.RunAsync(args, new CliHost
        {
            Out = output,
            Error = error,
            WorkingDirectory = workingDirectory,
            Variable = name => variables.GetValueOrDefault(name),
            Interrupted = interrupted,
        });
        return new Run(exit, output.ToString(), error.ToString());
    }

    /// <summary>An endpoint where nobody listens: a port that was free a moment ago and is held, unlistened, while the test runs.</summary>
    public static (Socket Held, string Endpoint) NobodyListens()
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return (socket, $"http://127.0.0.1:{((IPEndPoint)socket.LocalEndPoint!).Port}");
    }
}
