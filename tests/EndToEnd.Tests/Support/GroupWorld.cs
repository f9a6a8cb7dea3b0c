using System.Text.Json;

namespace ActorBackup.EndToEnd.Tests.Support;

/// <summary>A world whose disks are backed up together. The command line runs inside this process: groups are asked about very often.</summary>
internal sealed class GroupWorld : IAsyncDisposable
{
    private readonly World _world = new();
    private readonly List<NbdServerProcess> _servers = [];
    private int _files;

    public RunningNode Node => _world.Node;

    public static async Task<GroupWorld> StartAsync()
    {
        var world = new GroupWorld();
        await world.StartNodeAsync();
        await world.AbkAsync("repo", "create", "main", $"file:{world.PathOf("main")}", "--default");
        return world;
    }

    public string PathOf(string name) => _world.PathOf(name);

    public Task<string> MountTmpfsAsync(string name, string size) => _world.MountTmpfsAsync(name, size);

    public Task StartNodeAsync() => _world.StartNodeAsync();

    /// <summary>SIGKILL, and the next process over the same data.</summary>
    public async Task KillAndStartAsync()
    {
        await Node.KillAsync();
        await StartNodeAsync();
    }

    public Task<ToolResult> RunAsync(params string[] arguments) =>
        CommandLine.RunAsync(
            new Dictionary<string, string> { ["ACTORBACKUP_ENDPOINT"] = Node.Endpoint, ["ACTORBACKUP_TOKEN_FILE"] = Path.Combine(Node.Data, "token") },
            _world.Directory,
            arguments);

    public async Task<JsonElement> AbkAsync(params string[] arguments)
    {
        var result = await RunAsync([.. arguments, "-o", "json"]);
        Assert.True(result.ExitCode == 0, $"abk {string.Join(' ', arguments)}: {result}\n{Node.Log}");
        return World.Json(result.Out);
    }

    public async Task RefusedAsync(int exitCode, string says, params string[] arguments)
    {
        var result = await RunAsync(arguments);
        Assert.True(result.ExitCode == exitCode, $"abk {string.Join(' ', arguments)}: expected {exitCode}, got {result}\n{Node.Log}");
        Assert.Contains(says, Assert.Single(result.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries)), StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>A disk over a new image of random bytes, with empty bitmaps; returns the image's path.</summary>
    public async Task<string> AddDiskAsync(string disk, int blocks, params string[] bitmaps)
    {
        var image = PathOf($"{disk}.raw");
        Random(image, blocks, disk[0]);
        await AbkAsync("disk", "add", disk, "--file", image);
        foreach (var bitmap in bitmaps)
        {
            await AbkAsync("bitmap", "add", disk, bitmap);
        }

        return image;
    }

    /// <summary>The same behind another program's NBD server, which may do to it what a broken or a slow medium does.</summary>
    public async Task<string> AddServedDiskAsync(string disk, int blocks, string filter, string[] settings, params string[] bitmaps)
    {
        var (image, socket) = (PathOf($"{disk}.raw"), PathOf($"{disk}.sock"));
        Random(image, blocks, disk[0]);
        _servers.Add(await NbdServerProcess.StartAsync(socket, "nbdkit", ["--foreground", "--unix", socket, $"--filter={filter}", "file", image, .. settings]));
        await AbkAsync("disk", "add", disk, "--nbd", $"nbd+unix:///?socket={socket}", "--exclusive");
        foreach (var bitmap in bitmaps)
        {
            await AbkAsync("bitmap", "add", disk, bitmap);
        }

        return image;
    }

    /// <summary>A full backup, after which the bitmap is empty and counts from it.</summary>
    public async Task<string> BackUpAsync(string disk, string bitmap) =>
        (await AbkAsync("backup", disk, "--sync", "full", "--bitmap", bitmap, "--policy", "conditional", "--wait")).GetProperty("point").GetString()!;

    public async Task FillAsync(string disk, byte value, params long[] blocks)
    {
        await using var guest = await Guest.ConnectAsync(Node, disk);
        await guest.FillAsync(blocks, value);
    }

    /// <summary>The actions as a file.</summary>
    public string FileOf(string mode, params string[] actions)
    {
        var path = PathOf($"group{_files++}.yaml");
        File.WriteAllText(path, $"completionMode: {mode}\nactions:\n{string.Concat(actions.Select(a => $"  - {a}\n"))}");
        return path;
    }

    /// <summary>Starts a grouped group; returns its id.</summary>
    public Task<string> StartGroupedAsync(params string[] actions) => StartGroupAsync(FileOf("grouped", actions));

    public async Task<string> StartGroupAsync(string file) => (await AbkAsync("group", "start", "-f", file)).GetProperty("id").GetString()!;

    public Task<JsonElement> GroupAsync(string group) => AbkAsync("group", "show", group);

    /// <summary>The group when all is over.</summary>
    public Task<JsonElement> EndOfAsync(string group) =>
        Patience.UntilAsync(() => GroupAsync(group), g => g.GetProperty("status").GetString() == "concluded", $"the end of group {group}");

    public async Task<string> OutcomeOfAsync(string group) => (await EndOfAsync(group)).GetProperty("outcome").GetString()!;

    public async Task<string> JobOfAsync(string group, string disk) => Member(await GroupAsync(group), disk).GetProperty("job").GetString()!;

    public static JsonElement Member(JsonElement group, string disk) =>
        group.GetProperty("members").EnumerateArray().Single(m => m.GetProperty("disk").GetString() == disk);

    public Task<JsonElement> JobAsync(string job) => AbkAsync("job", "show", job);

    public async Task<JsonElement> AwaitStatusAsync(string group, string disk, string status)
    {
        var job = await JobOfAsync(group, disk);
        return await Patience.UntilAsync(() => JobAsync(job), j => j.GetProperty("status").GetString() == status, $"job {job} of disk {disk} to be {status}");
    }

    public Task<JsonElement> AwaitPendingAsync(string group) =>
        Patience.UntilAsync(() => GroupAsync(group), g => g.GetProperty("status").GetString() == "pending", $"group {group} to be pending");

    public async Task<JsonElement> BitmapAsync(string disk, string name) =>
        (await AbkAsync("bitmap", "list", disk)).EnumerateArray().Single(b => b.GetProperty("name").GetString() == name);

    /// <summary>Indices of dirty blocks.</summary>
    public async Task<long[]> DirtyAsync(string disk, string bitmap, params string[] more) =>
        [.. Blocks(await AbkAsync(["bitmap", "extents", disk, bitmap, .. more]))];

    public static IEnumerable<long> Blocks(JsonElement extents) =>
        extents.EnumerateArray()
            .SelectMany(e => Enumerable.Range(0, (int)(e.GetProperty("length").GetInt64() / Image.BlockBytes)).Select(i => (e.GetProperty("offset").GetInt64() / Image.BlockBytes) + i))
            .Order();

    /// <summary>What the bitmap is, and what it counts from.</summary>
    public async Task AssertBitmapAsync(string disk, string name, IEnumerable<long> dirty, string? basePoint, string baseState)
    {
        var bitmap = await BitmapAsync(disk, name);
        Assert.Equal(dirty.Order(), await DirtyAsync(disk, name));
        Assert.Equal(
            (basePoint, baseState, false, false),
            (bitmap.GetProperty("base").GetString(), bitmap.GetProperty("baseState").GetString(), bitmap.GetProperty("busy").GetBoolean(), bitmap.GetProperty("inconsistent").GetBoolean()));
    }

    /// <summary>What can be seen of bitmaps, jobs, groups and points: what is refused changes nothing of it.</summary>
    public async Task<string> StateAsync(params string[] disks)
    {
        var state = new List<string>();
        foreach (var disk in disks)
        {
            var bitmaps = await AbkAsync("bitmap", "list", disk);
            state.Add(bitmaps.GetRawText());
            foreach (var bitmap in bitmaps.EnumerateArray())
            {
                state.Add(string.Join(',', await DirtyAsync(disk, bitmap.GetProperty("name").GetString()!)));
            }
        }

        foreach (var list in new[] { "job", "group", "point" })
        {
            state.Add((await AbkAsync(list, "list")).GetRawText());
        }

        return string.Join('\n', state);
    }

    /// <summary>The point is these bytes.</summary>
    public async Task AssertPointAsync(string point, string image)
    {
        var restored = PathOf($"restored{_files++}.raw");
        await AbkAsync("point", "restore", point, "--to", restored, "--wait");
        Image.AssertEqual(image, restored);
    }

    /// <summary>The disk's image as it is now.</summary>
    public string Copy(string image)
    {
        var copy = PathOf($"copy{_files++}.raw");
        File.Copy(image, copy);
        return copy;
    }

    public async ValueTask DisposeAsync()
    {
        await Node.KillAsync();
        foreach (var server in _servers)
        {
            await server.DisposeAsync();
        }

        await _world.DisposeAsync();
    }

    private static void Random(string path, int blocks, int seed)
    {
        var bytes = new byte[blocks * Image.BlockBytes];
        new Random(seed).NextBytes(bytes);
        File.WriteAllBytes(path, bytes);
    }
}
