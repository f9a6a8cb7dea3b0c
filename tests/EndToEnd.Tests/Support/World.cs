using System.Text.Json;
using System.Text.RegularExpressions;

namespace ActorBackup.EndToEnd.Tests.Support;

/// <summary>A directory of its own with a node, its command line and its files. Everything goes when it is disposed.</summary>
internal sealed partial class World : IAsyncDisposable
{
    private readonly List<RunningNode> _nodes = [];
    private readonly List<string> _mounts = [];

    public World()
    {
        Directory = System.IO.Directory.CreateTempSubdirectory("abk-e2e-").FullName;
    }

    public string Directory { get; }

    public RunningNode Node => _nodes[^1];

    public string PathOf(string name) => Path.Combine(Directory, name);

    public static async Task<World> StartAsync()
    {
        var world = new World();
        await world.StartNodeAsync();
        return world;
    }

    /// <summary>Starts a node over a data directory, the same one again after a kill.</summary>
    public Task<RunningNode> StartNodeAsync(string data = "data", params string[] more) => StartBuildAsync(Product.NodeDll, data, more);

    /// <summary>The same with the node of another build.</summary>
    public async Task<RunningNode> StartBuildAsync(string program, string data = "data", params string[] more)
    {
        var node = await RunningNode.StartAsync(program, PathOf(data), PathOf("state"), more);
        _nodes.Add(node);
        return node;
    }

    public Task<ToolResult> RunAsync(params string[] arguments) => Node.RunAsync(arguments);

    /// <summary>Runs a command that must succeed and returns what it printed as JSON. In this process: tests ask this way again and again.</summary>
    public async Task<JsonElement> AbkAsync(params string[] arguments)
    {
        var result = await CommandLine.RunAsync(Node.Variables, Directory, [.. arguments, "-o", "json"]);
        Assert.True(result.ExitCode == 0, $"abk {string.Join(' ', arguments)}: {result}\n{Node.Log}");
        return Json(result.Out);
    }

    /// <summary>What was printed; the last line where there is one document per line (<c>--wait</c>).</summary>
    public static JsonElement Json(string printed)
    {
        if (printed.Trim().Length == 0)
        {
            return default;
        }

        try
        {
            return JsonDocument.Parse(printed).RootElement;
        }
        catch (JsonException)
        {
            return JsonDocument.Parse(printed.TrimEnd().Split('\n')[^1]).RootElement;
        }
    }

    /// <summary>Runs a command that must fail with this exit code and one line that says this. In this process: a test of bad input has the program say the same.</summary>
    public async Task RefusedAsync(int exitCode, string says, params string[] arguments)
    {
        var result = await CommandLine.RunAsync(Node.Variables, Directory, arguments);
        Assert.True(result.ExitCode == exitCode, $"abk {string.Join(' ', arguments)}: expected {exitCode}, got {result}");
        var line = Assert.Single(result.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.StartsWith("abk: ", line, StringComparison.Ordinal);
        Assert.Contains(says, line, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("   at ", result.Error, StringComparison.Ordinal);
    }

    /// <summary>A disk over a new image; returns the image's path.</summary>
    public async Task<string> AddDiskAsync(string id, Action<string> makeImage, params string[] more)
    {
        var image = PathOf($"{id}.raw");
        makeImage(image);
        await AbkAsync(["disk", "add", id, "--file", image, .. more]);
        return image;
    }

    public Task<JsonElement> CreateRepositoryAsync(string name = "main") =>
        AbkAsync("repo", "create", name, $"file:{PathOf(name)}", "--default");

    public async Task<JsonElement> BitmapAsync(string disk, string name) =>
        (await AbkAsync("bitmap", "list", disk)).EnumerateArray().Single(b => b.GetProperty("name").GetString() == name);

    public async Task<long> DirtyBytesAsync(string disk, string name) => (await BitmapAsync(disk, name)).GetProperty("dirtyBytes").GetInt64();

    /// <summary>Dirty byte ranges.</summary>
    public async Task<IReadOnlyList<(long Offset, long Length)>> ExtentsAsync(string disk, string name) =>
        [.. (await AbkAsync("bitmap", "extents", disk, name)).EnumerateArray().Select(e => (e.GetProperty("offset").GetInt64(), e.GetProperty("length").GetInt64()))];

    public Task<JsonElement> JobAsync(string id) => AbkAsync("job", "show", id);

    /// <summary>Waits until the job has ended, however it ended.</summary>
    public async Task<JsonElement> EndOfAsync(string id) =>
        await Patience.UntilAsync(() => JobAsync(id), j => j.GetProperty("status").GetString() == "concluded", $"the end of job {id}");

    public Task<JsonElement> RestoreAsync(string point, string to) => AbkAsync("point", "restore", point, "--to", to, "--wait");

    /// <summary>A small file system of its own.</summary>
    public async Task<string> MountTmpfsAsync(string name, string size)
    {
        var path = PathOf(name);
        System.IO.Directory.CreateDirectory(path);
        await Tool.SucceedAsync("mount", "-t", "tmpfs", "-o", $"size={size}", "none", path);
        _mounts.Add(path);
        return path;
    }

    /// <summary>A file system of its own that can be frozen: whoever writes to it then waits inside the kernel.</summary>
    public async Task<string> MountExt4Async(string name, string size)
    {
        var image = PathOf($"{name}.img");
        var path = PathOf(name);
        System.IO.Directory.CreateDirectory(path);
        await Tool.SucceedAsync("truncate", "-s", size, image);
        await Tool.SucceedAsync("mkfs.ext4", "-q", "-F", image);
        await Tool.SucceedAsync("mount", "-o", "loop", image, path);
        _mounts.Add(path);
        return path;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var node in _nodes)
        {
            await node.DisposeAsync();
        }

        foreach (var mount in _mounts)
        {
            await Tool.RunAsync("umount", ["-l", mount]);
        }

        System.IO.Directory.Delete(Directory, recursive: true);

        // A node survives its own mistakes: what a test saw may have been right all the same.
        var mistakes = _nodes.SelectMany(n => n.Log.Split('\n')).Where(line => Mistake().IsMatch(line)).ToList();
        Assert.True(mistakes.Count == 0, $"A node made mistakes:\n{string.Join('\n', mistakes)}");
    }

    [GeneratedRegex(@"cannot do anything with|\((Unreachable|NullReference|InvalidCast|InvalidOperation|NotSupported|KeyNotFound|IndexOutOfRange|ObjectDisposed|Argument\w*)Exception: ")]
    private static partial Regex Mistake();
}
