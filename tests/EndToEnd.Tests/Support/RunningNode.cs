using System.Diagnostics;
using System.Text;

namespace ActorBackup.EndToEnd.Tests.Support;

/// <summary>A node's process. Its ports are the kernel's choice.</summary>
internal sealed class RunningNode : IAsyncDisposable
{
    private readonly Process _process;
    private readonly string _state;
    private readonly StringBuilder _log = new();

    private RunningNode(Process process, string data, string state)
    {
        (_process, Data, _state) = (process, data, state);
        _process.ErrorDataReceived += (_, e) =>
        {
            lock (_log)
            {
                _log.AppendLine(e.Data);
            }
        };
        _process.BeginErrorReadLine();
    }

    public string Data { get; }

    public string Endpoint { get; private set; } = "";

    public int ProcessId => _process.Id;

    public string Socket => Path.Combine(Data, "nbd.sock");

    /// <summary>What it wrote to standard error.</summary>
    public string Log
    {
        get
        {
            lock (_log)
            {
                return _log.ToString();
            }
        }
    }

    public static async Task<RunningNode> StartAsync(string program, string data, string state, params string[] more)
    {
        var start = new ProcessStartInfo("dotnet", [program, "--data", data, "--http", "127.0.0.1:0", .. more])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["XDG_STATE_HOME"] = state;
        var node = new RunningNode(Process.Start(start)!, data, state);
        var line = await node._process.StandardOutput.ReadLineAsync().WaitAsync(Patience.Limit);
        Assert.True(line?.StartsWith("ready ", StringComparison.Ordinal), $"The node is not ready: {line}\n{node.Log}");
        node.Endpoint = line!.Split(' ').Single(w => w.StartsWith("http=", StringComparison.Ordinal))["http=".Length..];
        return node;
    }

    public string UriOf(string export) => $"nbd+unix:///{export}?socket={Socket}";

    /// <summary>The environment by which a command line finds this node.</summary>
    public Dictionary<string, string> Variables =>
        new()
        {
            ["ACTORBACKUP_ENDPOINT"] = Endpoint,
            ["ACTORBACKUP_TOKEN_FILE"] = Path.Combine(Data, "token"),
            ["XDG_STATE_HOME"] = _state,
        };

    /// <summary>The command line against this node, as a program.</summary>
    public Task<ToolResult> RunAsync(params string[] arguments) => Tool.RunAsync("dotnet", [Product.CliDll, .. arguments], Variables);

    /// <summary>SIGKILL.</summary>
    public async Task KillAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
    }

    /// <summary>SIGTERM; returns the exit code.</summary>
    public async Task<int> StopAsync()
    {
        await Tool.SucceedAsync("kill", "-TERM", ProcessId.ToString(System.Globalization.CultureInfo.InvariantCulture));
        await _process.WaitForExitAsync().WaitAsync(Patience.Limit);
        return _process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            await KillAsync();
        }

        _process.Dispose();
    }
}
