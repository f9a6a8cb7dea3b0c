using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text.Json;
using ActorBackup.Api;
using ActorBackup.EndToEnd.Tests.Support;

namespace ActorBackup.EndToEnd.Tests.BadInput;

/// <summary>One node with something in every state that a command can meet, shared by all cases: none of them changes anything.</summary>
/// <remarks>
/// Disk <c>d</c> is online with bitmap <c>b</c> (valid) and <c>off</c> (disabled), and its points in <c>main</c> and <c>spare</c> are exported; <c>e</c> has a client and exports bitmap <c>x</c>;
/// a group that changed nothing of <c>d</c> has ended; <c>p</c> has a job that waits to be finalized and holds bitmap <c>b</c>; <c>s</c> is stopped and has bitmap <c>sb</c>.
/// </remarks>
public sealed class BadInputWorld : IAsyncLifetime
{
    /// <summary>Where a small file system may be mounted; what lies there is the concern of who mounts it.</summary>
    internal const string Full = "full";

    private readonly Socket _nobodyListens = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly Dictionary<string, string> _things = [];
    private readonly Dictionary<string, string> _environment = [];
    private readonly HttpClient _api = new();
    private World _world = null!;
    private Guest _guest = null!;

    /// <summary>A port that is taken and on which nobody answers.</summary>
    public string DeadEndpoint { get; private set; } = "";

    internal World World => _world;

    internal HttpClient Api => _api;

    public async Task InitializeAsync()
    {
        _nobodyListens.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        DeadEndpoint = $"127.0.0.1:{((IPEndPoint)_nobodyListens.LocalEndPoint!).Port}";
        _world = await World.StartAsync();
        _environment["ACTORBACKUP_ENDPOINT"] = _world.Node.Endpoint;
        _environment["ACTORBACKUP_TOKEN_FILE"] = Path.Combine(_world.Node.Data, "token");
        _api.BaseAddress = new Uri(_world.Node.Endpoint);
        _api.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", (await File.ReadAllTextAsync(_environment["ACTORBACKUP_TOKEN_FILE"])).Trim());
        await MakeDisksAsync();
        await MakePointsAsync();
        await MakeFilesAsync();
        _guest = await Guest.ConnectAsync(_world.Node, "e");
    }

    public async Task DisposeAsync()
    {
        await _guest.DisposeAsync();
        await _world.DisposeAsync();
        _api.Dispose();
        _nobodyListens.Dispose();
    }

    /// <summary>Runs a line with the world's things filled in.</summary>
    internal Task<ToolResult> RunAsync(string line, params (string Name, string? Value)[] variables)
    {
        var environment = new Dictionary<string, string>(_environment);
        foreach (var (name, value) in variables)
        {
            environment.Remove(name);
            if (value is not null)
            {
                environment[name] = value;
            }
        }

        return CommandLine.RunAsync(environment, _world.Directory, Words(line));
    }

    internal string[] Words(string line) => [.. line.Split(' ').Select(word => _things.Aggregate(word == "''" ? "" : word, (w, t) => w.Replace($"{{{t.Key}}}", t.Value)))];

    /// <summary>All that can be seen from outside: every list as JSON, and the names of the files.</summary>
    internal async Task<string> StateAsync()
    {
        var disks = await _api.GetStringAsync(Routes.Disks);
        var state = new List<string> { disks };
        foreach (var disk in JsonDocument.Parse(disks).RootElement.EnumerateArray())
        {
            var id = disk.GetProperty("id").GetString();
            state.Add(await _api.GetStringAsync($"{Routes.Disks}/{id}"));
            state.Add(await _api.GetStringAsync($"{Routes.Disks}/{id}/bitmaps"));
        }

        state.Add(await _api.GetStringAsync(Routes.Repositories));
        state.Add(await _api.GetStringAsync(Routes.Jobs));
        state.Add(await _api.GetStringAsync(Routes.Points));
        state.Add(await _api.GetStringAsync(Routes.Groups));
        state.AddRange(Directory.EnumerateFileSystemEntries(_world.Directory, "*", SearchOption.AllDirectories)
            .Where(f => !f.StartsWith(_world.Node.Data, StringComparison.Ordinal) && !f.StartsWith(_world.PathOf(Full), StringComparison.Ordinal)).Order(StringComparer.Ordinal));
        return string.Join('\n', state);
    }

    private async Task<JsonElement> AbkAsync(string line)
    {
        var result = await RunAsync(line + " -o json");
        Assert.True(result.ExitCode == 0, $"abk {line}: {result}\n{_world.Node.Log}");
        return World.Json(result.Out);
    }

    private async Task MakeDisksAsync()
    {
        foreach (var disk in new[] { "d", "e", "p", "s" })
        {
            Image.Random(_world.PathOf($"{disk}.raw"), (disk == "s" ? 2 : 1) * Image.MiB, seed: disk[0]);
            await AbkAsync($"disk add {disk} --file {disk}.raw");
        }

        foreach (var line in new[] { "bitmap add d b", "bitmap add d off --disabled", "bitmap add e x", "bitmap add p b", "bitmap add s sb", "disk stop s", "disk export e --bitmap x" })
        {
            await AbkAsync(line);
        }
    }

    private async Task MakePointsAsync()
    {
        await AbkAsync("repo create main main --default");
        await AbkAsync("repo create spare spare");
        _things["job"] = _things["point"] = Id(await AbkAsync("backup d --sync full --bitmap b --policy always --wait"));
        _things["other"] = Id(await AbkAsync("backup d --sync full --repo spare --wait"));
        _things["verify"] = Id(await AbkAsync($"point verify {_things["other"]}"));
        var pending = _things["pending"] = Id(await AbkAsync("backup p --sync full --bitmap b --policy always --no-auto-finalize"));
        await Patience.UntilAsync(() => AbkAsync($"job show {pending}"), j => j.GetProperty("needsPerson").GetBoolean(), "the job to wait");
        await AbkAsync($"point export {_things["point"]} --name served");
        await AbkAsync($"point export {_things["other"]} --name spare-served");
    }

    private async Task MakeFilesAsync()
    {
        _things["w"] = _world.Directory;
        _things["dead"] = DeadEndpoint;
        _things["long"] = new string('x', 1024);
        Directory.CreateDirectory(_world.PathOf("dir"));
        foreach (var (name, bytes) in new (string, byte[])[] { ("text", "hi"u8.ToArray()), ("odd.raw", new byte[1000]), ("good.raw", new byte[4096]) })
        {
            await File.WriteAllBytesAsync(_world.PathOf(name), bytes);
        }

        foreach (var (bad, i) in BadCases.GroupFiles.Select((f, i) => (f, i)))
        {
            await File.WriteAllTextAsync(_world.PathOf($"bad{i}.yaml"), bad.Text);
        }

        // As the command's example calls it.
        await File.WriteAllTextAsync(_world.PathOf("nightly.yaml"), "actions: [{bitmapEnable: {disk: d, name: b}}]");
        _things["group"] = Id(await AbkAsync("group start -f nightly.yaml --wait"));
        await RepositoryWithAsync("newer", bytes => bytes[8] = 99, isSealed: true);
        await RepositoryWithAsync("damaged", bytes => bytes[30] ^= 1, isSealed: false);
    }

    /// <summary>A copy of the repository's manifest that was changed by damage or, sealed, by a newer program.</summary>
    private async Task RepositoryWithAsync(string name, Action<byte[]> change, bool isSealed)
    {
        var path = Directory.CreateDirectory(_world.PathOf(name)).FullName;
        var bytes = await File.ReadAllBytesAsync(_world.PathOf("main/repository"));
        change(bytes);
        if (isSealed)
        {
            var end = bytes.Length - 32;
            System.Security.Cryptography.SHA256.HashData(bytes.AsSpan(0, end), bytes.AsSpan(end));
        }

        await File.WriteAllBytesAsync(Path.Combine(path, "repository"), bytes);
    }

    private static string Id(JsonElement resource) => resource.GetProperty("id").GetString()!;
}
