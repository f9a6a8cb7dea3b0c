using System.Diagnostics;
using System.Net.Sockets;
using System.Text.Json;
using System.Text.Json.Nodes;
using ActorBackup.EndToEnd.Tests.Support;

namespace ActorBackup.EndToEnd.Tests.Replay;

/// <summary>QEMU's storage daemon: an NBD server, and a monitor whose answers and events are read one after the other.</summary>
internal sealed class QemuDaemon : IAsyncDisposable
{
    private readonly Process _process;
    private readonly Task<string> _said;
    private readonly string _nbd;
    private readonly Dictionary<string, string> _statuses = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _outcomes = new(StringComparer.Ordinal);
    private readonly HashSet<string> _removed = new(StringComparer.Ordinal);
    private StreamReader _reader = StreamReader.Null;
    private StreamWriter _writer = StreamWriter.Null;

    private QemuDaemon(Process process, string nbd) => (_process, _said, _nbd) = (process, process.StandardError.ReadToEndAsync(), nbd);

    /// <param name="directory">For its sockets; short, as a socket's path is.</param>
    public static async Task<QemuDaemon> StartAsync(string directory)
    {
        var (monitor, nbd) = (Path.Combine(directory, "qmp.sock"), Path.Combine(directory, "qemu-nbd.sock"));
        var start = new ProcessStartInfo(
            "qemu-storage-daemon",
            [
                "--chardev", $"socket,id=monitor,path={monitor},server=on,wait=off", "--monitor", "chardev=monitor,mode=control",
                "--nbd-server", $"addr.type=unix,addr.path={nbd},max-connections=0",
            ])
        {
            RedirectStandardError = true,
        };
        var daemon = new QemuDaemon(Process.Start(start)!, nbd);
        var socket = await Patience.UntilAsync(() => TryConnectAsync(monitor), s => s is not null || daemon._process.HasExited, "QEMU's monitor");
        Assert.True(socket is not null, daemon._process.HasExited ? await daemon._said : "");
        var stream = new NetworkStream(socket, ownsSocket: true);
        (daemon._reader, daemon._writer) = (new StreamReader(stream), new StreamWriter(stream) { AutoFlush = true });
        await daemon.AskAsync("qmp_capabilities");
        return daemon;
    }

    public string UriOf(string export) => $"nbd+unix:///{export}?socket={_nbd}";

    /// <summary>The answer's <c>return</c>, or why it was refused.</summary>
    public async Task<(JsonElement Result, string? Refusal)> TryAsync(string command, JsonObject? arguments = null)
    {
        try
        {
            await _writer.WriteLineAsync(new JsonObject { ["execute"] = command, ["arguments"] = arguments ?? [] }.ToJsonString());
        }
        catch (IOException)
        {
            Assert.Fail($"QEMU is gone: {await _said}");
        }

        while (true)
        {
            var answer = await ReadAsync();
            if (answer.TryGetProperty("return", out var result))
            {
                return (result, null);
            }

            if (answer.TryGetProperty("error", out var error))
            {
                return (default, error.GetProperty("desc").GetString()!);
            }
        }
    }

    /// <summary>A command that must succeed.</summary>
    public async Task<JsonElement> AskAsync(string command, JsonObject? arguments = null)
    {
        var sent = arguments?.ToJsonString();
        var (result, refusal) = await TryAsync(command, arguments);
        Assert.True(refusal is null, $"QEMU refuses {command} {sent}: {refusal}");
        return result;
    }

    /// <summary>Ends an export whose clients have gone; the daemon may not have noticed yet.</summary>
    public async Task RemoveExportAsync(string id)
    {
        await AskAsync("block-export-del", new JsonObject { ["id"] = id, ["mode"] = "hard" });
        while (!_removed.Remove(id))
        {
            await ReadAsync();
        }
    }

    /// <summary>Reads events until the job is over or, if it may wait there, pending.</summary>
    public async Task<string> SettleAsync(string job, bool mayWait)
    {
        while (true)
        {
            switch (_statuses.GetValueOrDefault(job))
            {
                case "null":
                    return _outcomes[job];
                case "pending" when mayWait:
                    return "pending";
                default:
                    await ReadAsync();
                    break;
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        _reader.Dispose();
        if (!_process.HasExited)
        {
            _process.Kill();
            await _process.WaitForExitAsync();
        }

        _process.Dispose();
    }

    private static async Task<Socket?> TryConnectAsync(string path)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(path));
            return socket;
        }
        catch (SocketException)
        {
            socket.Dispose();
            return null;
        }
    }

    private async Task<JsonElement> ReadAsync()
    {
        var line = await _reader.ReadLineAsync().WaitAsync(Patience.Limit);
        if (line is null)
        {
            Assert.Fail($"QEMU is gone: {await _said}");
        }

        var read = JsonDocument.Parse(line).RootElement;
        if (read.TryGetProperty("event", out var name))
        {
            Note(name.GetString()!, read.GetProperty("data"));
        }

        return read;
    }

    private void Note(string name, JsonElement data)
    {
        switch (name)
        {
            case "JOB_STATUS_CHANGE":
                _statuses[data.GetProperty("id").GetString()!] = data.GetProperty("status").GetString()!;
                break;
            case "BLOCK_EXPORT_DELETED":
                _removed.Add(data.GetProperty("id").GetString()!);
                break;
            case "BLOCK_JOB_COMPLETED":
                _outcomes[data.GetProperty("device").GetString()!] = data.TryGetProperty("error", out _) ? "failed" : "success";
                break;
            case "BLOCK_JOB_CANCELLED":
                _outcomes[data.GetProperty("device").GetString()!] = "cancelled";
                break;
        }
    }
}
