using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Nodes;
using ActorBackup.EndToEnd.Tests.Support;
using ActorBackup.Nbd.Client;

namespace ActorBackup.EndToEnd.Tests.Semantics;

/// <summary>A node whose disks lie behind one nbdkit that fails every read while a file is there, driven through the API.</summary>
public sealed class MatrixWorld : IAsyncLifetime
{
    private readonly World _world = new();
    private HttpClient _api = new();
    private NbdServerProcess? _sources;

    private string Trigger => _world.PathOf("broken");

    private string Sources => _world.PathOf("sources");

    private string Socket => _world.PathOf("sources.sock");

    public async Task InitializeAsync()
    {
        Directory.CreateDirectory(Sources);
        _sources = await NbdServerProcess.StartAsync(
            Socket, "nbdkit", "--foreground", "--unix", Socket, "--filter=error", "file", $"dir={Sources}", "error-pread=EIO", "error-pread-rate=100%", $"error-pread-file={Trigger}");
        await StartNodeAsync();
        await PostAsync("/v1/repositories", new { name = "main", url = $"file:{_world.PathOf("main")}", @default = true });
    }

    public async Task DisposeAsync()
    {
        _api.Dispose();
        await _world.DisposeAsync();
        if (_sources is not null)
        {
            await _sources.DisposeAsync();
        }
    }

    public async Task StartNodeAsync()
    {
        var node = await _world.StartNodeAsync();
        _api.Dispose();
        _api = new HttpClient { BaseAddress = new Uri(node.Endpoint) };
        _api.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", (await File.ReadAllTextAsync(Path.Combine(node.Data, "token"))).Trim());
    }

    public Task KillNodeAsync() => _world.Node.KillAsync();

    /// <summary>A repository that takes nothing any more.</summary>
    public async Task<string> FullRepositoryAsync(string name)
    {
        var mount = await _world.MountTmpfsAsync(name, "1m");
        await PostAsync("/v1/repositories", new { name, url = $"file:{mount}/repo" });
        return mount;
    }

    public async Task BreakSourcesAsync() => await File.WriteAllTextAsync(Trigger, "");

    public void MendSources() => File.Delete(Trigger);

    /// <summary>A disk of zeroes with a bitmap that counts from a full backup of it.</summary>
    public async Task AddDiskAsync(Cell cell, string repository = "main")
    {
        await using (var file = new FileStream(Path.Combine(Sources, cell.Disk), FileMode.CreateNew))
        {
            file.SetLength(Cell.SizeBytes);
        }

        await PostAsync("/v1/disks", new { id = cell.Disk, nbd = $"nbd+unix:///{cell.Disk}?socket={Socket}", exclusive = true });
        await PostAsync($"/v1/disks/{cell.Disk}/bitmaps", new { name = "b", granularity = cell.Granularity });
        Assert.Equal("success", await OutcomeAsync(await StartAsync(new { disk = cell.Disk, repo = repository, sync = "full", bitmap = "b", policy = "always" })));
        await WriteAsync(cell.Disk, Cell.Before, 0x41);
    }

    /// <summary>Writes these ranges; whole blocks of the first ones become holes.</summary>
    public async Task WriteAsync(string disk, IReadOnlyList<(long Offset, long Length)> ranges, byte value)
    {
        await using var guest = await NbdClient.ConnectAsync(_world.Node.UriOf(disk));
        foreach (var (offset, length) in ranges)
        {
            if (offset < Cell.FirstData * Cell.BlockBytes)
            {
                await guest.TrimAsync(offset, length, false, CancellationToken.None);
            }
            else
            {
                var data = new byte[length];
                Array.Fill(data, value);
                await guest.WriteAsync(offset, data, false, CancellationToken.None);
            }
        }
    }

    public async Task<string> StartAsync(object backup) => (await PostAsync("/v1/backups", backup))["id"]!.GetValue<string>();

    public async Task<JsonNode> StartGroupAsync(params object[] backups) =>
        await PostAsync("/v1/groups", new { completionMode = "grouped", actions = backups.Select(b => new { backup = b }).ToArray() });

    public Task<JsonNode> GroupAsync(string id) => GetAsync($"/v1/groups/{id}");

    public Task<JsonNode> JobAsync(string id) => GetAsync($"/v1/jobs/{id}");

    public Task<JsonNode> VerbAsync(string job, string verb, object? body = null) => PostAsync($"/v1/jobs/{job}/{verb}", body ?? new { });

    public Task<JsonNode> UntilAsync(string job, Func<JsonNode, bool> isGood, string what) =>
        Patience.UntilAsync(() => JobAsync(job), isGood, $"{what} of job {job}");

    public async Task<string> OutcomeAsync(string job) =>
        (await UntilAsync(job, j => j["status"]!.GetValue<string>() == "concluded", "the end"))["outcome"]!.GetValue<string>();

    /// <summary>Dirty units of the cell's bitmap.</summary>
    public async Task<SortedSet<long>> DirtyAsync(Cell cell)
    {
        var extents = (await GetAsync($"/v1/disks/{cell.Disk}/bitmaps/b/extents")).AsArray();
        return [.. extents.SelectMany(e => Units(e!["offset"]!.GetValue<long>(), e["length"]!.GetValue<long>(), cell.Granularity))];
    }

    /// <summary>What the next backup of the bitmap brings is the disk as it is, byte for byte.</summary>
    public async Task AssertNextIsWholeAsync(Cell cell)
    {
        var job = await StartAsync(new { disk = cell.Disk, sync = "bitmap", bitmap = "b", policy = "always", fallback = "full" });
        var ended = await UntilAsync(job, j => j["status"]!.GetValue<string>() == "concluded", "the end");
        Assert.True(ended["outcome"]!.GetValue<string>() == "success", $"{cell}: {ended}");
        var target = _world.PathOf($"{cell.Disk}.restored");
        var restore = (await PostAsync($"/v1/points/{job}/restore", new { to = target }))["id"]!.GetValue<string>();
        Assert.Equal("success", await OutcomeAsync(restore));
        Image.AssertEqual(Path.Combine(Sources, cell.Disk), target);
        File.Delete(target);
    }

    public Task<JsonNode> PointAsync(string id) => GetAsync($"/v1/points/{id}");

    private static IEnumerable<long> Units(long offset, long length, long unit)
    {
        for (var at = offset; at < offset + length; at += unit)
        {
            yield return at / unit;
        }
    }

    private async Task<JsonNode> GetAsync(string path) => await ReadAsync(await _api.GetAsync(path), path);

    private async Task<JsonNode> PostAsync(string path, object body) => await ReadAsync(await _api.PostAsJsonAsync(path, body), path);

    private async Task<JsonNode> ReadAsync(HttpResponseMessage response, string path)
    {
        var text = await response.Content.ReadAsStringAsync();
        Assert.True(response.IsSuccessStatusCode, $"{path}: {(int)response.StatusCode} {text}\n{_world.Node.Log}");
        return text.Length == 0 ? JsonValue.Create(true) : JsonNode.Parse(text, documentOptions: new JsonDocumentOptions())!;
    }
}
