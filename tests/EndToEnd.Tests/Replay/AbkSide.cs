using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using ActorBackup.EndToEnd.Tests.Support;

namespace ActorBackup.EndToEnd.Tests.Replay;

/// <summary>ActorBackup: a node, through its command line.</summary>
internal sealed class AbkSide : IReplaySide, IAsyncDisposable
{
    private readonly World _world;
    private readonly IReadOnlyList<ReplayDisk> _disks;
    private readonly List<ReplayGuest> _guests = [];
    private readonly Dictionary<string, string> _jobs = new(StringComparer.Ordinal);

    private AbkSide(World world, IReadOnlyList<ReplayDisk> disks) => (_world, _disks) = (world, disks);

    /// <param name="world">May have other disks besides, and has a default repository.</param>
    /// <param name="disks">Their names are free.</param>
    public static async Task<AbkSide> StartAsync(World world, IReadOnlyList<ReplayDisk> disks)
    {
        var side = new AbkSide(world, disks);
        foreach (var disk in disks)
        {
            await world.AddDiskAsync(disk.Id, disk.MakeImage);
            side._guests.Add(await ReplayGuest.ConnectAsync(world.Node.UriOf(disk.Id)));
        }

        return side;
    }

    public string ImageOf(ReplayDisk disk) => _world.PathOf($"{disk.Id}.raw");

    public async Task<ReplayAnswer> DoAsync(ReplayAction action)
    {
        switch (action)
        {
            case ReplayAction.Write a:
                await _guests[a.Disk].DoAsync(a);
                return new ReplayAnswer(true, "");
            case ReplayAction.Zero a:
                await _guests[a.Disk].DoAsync(a);
                return new ReplayAnswer(true, "");
            case ReplayAction.Discard a:
                await _guests[a.Disk].DoAsync(a);
                return new ReplayAnswer(true, "");
            case ReplayAction.Transaction a:
                return await StartGroupAsync(a);
            default:
                var (answer, printed) = await TryAsync(CommandOf(action));
                if (answer.IsAccepted && action is ReplayAction.Backup b)
                {
                    _jobs[b.Job] = printed.GetProperty("id").GetString()!;
                }

                return answer;
        }
    }

    public async Task<IReadOnlyList<BitmapView>> BitmapsAsync(int disk)
    {
        var views = new List<BitmapView>();
        foreach (var bitmap in await ListAsync(disk))
        {
            var (name, granularity) = (bitmap.GetProperty("name").GetString()!, bitmap.GetProperty("granularity").GetInt64());
            Assert.False(bitmap.GetProperty("inconsistent").GetBoolean(), bitmap.GetRawText());
            var dirty = Ranges(await AskAsync("bitmap", "extents", "--set", "sync", "--", _disks[disk].Id, name));
            views.Add(new BitmapView(
                name,
                granularity,
                bitmap.GetProperty("recording").GetBoolean(),
                bitmap.GetProperty("busy").GetBoolean(),
                bitmap.GetProperty("dirtyBytes").GetInt64(),
                BitVector.Sha256(_disks[disk].SizeBytes, granularity, dirty)));
        }

        return [.. views.OrderBy(v => v.Name, StringComparer.Ordinal)];
    }

    /// <summary>Names of bitmaps that count from a point, so that an incremental backup is possible.</summary>
    public async Task<IReadOnlySet<string>> WithBaseAsync(int disk) =>
        (await ListAsync(disk)).Where(b => b.GetProperty("baseState").GetString() is "valid" or "partial").Select(b => b.GetProperty("name").GetString()!).ToHashSet();

    public async Task<string> SettleAsync(string job, bool mayWait)
    {
        var settled = await Patience.UntilAsync(
            () => AskAsync("job", "show", _jobs[job]),
            j => j.GetProperty("status").GetString() is var s && (s == "concluded" || (mayWait && s == "pending")),
            $"the end of job {job}");
        return settled.GetProperty("outcome").GetString() ?? "pending";
    }

    /// <summary>The point that the job has left, as it is restored; null = none.</summary>
    /// <returns>Also what it says about itself.</returns>
    public async Task<(byte[] Content, JsonElement Point)?> PointOfAsync(string job)
    {
        if ((await AskAsync("job", "show", _jobs[job])).GetProperty("point").GetString() is not { } point)
        {
            return null;
        }

        var path = _world.PathOf($"{job}.restored");
        await AskAsync("point", "restore", point, "--to", path, "--force", "--wait");
        var content = await File.ReadAllBytesAsync(path);
        File.Delete(path);
        return (content, await AskAsync("point", "show", point));
    }

    /// <summary>Lets go of the disks, when no job is left.</summary>
    public async Task ReleaseAsync()
    {
        await DisposeAsync();
        foreach (var disk in _disks)
        {
            await AskAsync("disk", "remove", disk.Id);
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var guest in _guests)
        {
            await guest.DisposeAsync();
        }

        _guests.Clear();
    }

    public static IEnumerable<(long Offset, long Length)> Ranges(JsonElement extents) =>
        extents.EnumerateArray().Select(e => (e.GetProperty("offset").GetInt64(), e.GetProperty("length").GetInt64()));

    /// <summary>Without those that are null.</summary>
    private static JsonObject Given(params (string Key, JsonNode? Value)[] fields) =>
        new(fields.Where(f => f.Value is not null).Select(f => KeyValuePair.Create(f.Key, f.Value)));

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);

    private string NameOf(int disk) => (disk < _disks.Count ? _disks[disk] : ReplayDisk.Unknown).Id;

    private string[] CommandOf(ReplayAction action) =>
        action switch
        {
            ReplayAction.Add a => ["bitmap", "add", .. a.Granularity is { } g ? ["--granularity", Text(g)] : (string[])[], .. a.IsDisabled ? ["--disabled"] : (string[])[], "--", NameOf(a.Disk), a.Name],
            ReplayAction.Remove a => ["bitmap", "remove", "--", NameOf(a.Disk), a.Name],
            ReplayAction.Clear a => ["bitmap", "clear", "--", NameOf(a.Disk), a.Name],
            ReplayAction.SetRecording a => ["bitmap", a.IsEnabled ? "enable" : "disable", "--", NameOf(a.Disk), a.Name],
            ReplayAction.Merge a => ["bitmap", "merge", "--", NameOf(a.Disk), a.Target, .. SourcesOf(a)],
            ReplayAction.Backup a =>
            [
                "backup", "--sync", a.Sync, .. a.Bitmap is { } b ? [$"--bitmap={b}"] : (string[])[], .. a.Mode is { } m ? ["--policy", m] : (string[])[],
                .. a.Waits ? ["--no-auto-finalize"] : (string[])[], "--", NameOf(a.Disk),
            ],
            ReplayAction.End a => ["job", a.IsCancelled ? "cancel" : "finalize", _jobs[a.Job]],
            _ => throw new ArgumentOutOfRangeException(nameof(action)),
        };

    private JsonObject PartOf(ReplayAction.InTransaction action) =>
        action switch
        {
            ReplayAction.Add a => new() { ["bitmapAdd"] = Given(("disk", NameOf(a.Disk)), ("name", a.Name), ("granularity", a.Granularity), ("disabled", a.IsDisabled)) },
            ReplayAction.Clear a => new() { ["bitmapClear"] = new JsonObject { ["disk"] = NameOf(a.Disk), ["name"] = a.Name } },
            ReplayAction.SetRecording a => new() { [a.IsEnabled ? "bitmapEnable" : "bitmapDisable"] = new JsonObject { ["disk"] = NameOf(a.Disk), ["name"] = a.Name } },
            ReplayAction.Merge a => new()
            {
                ["bitmapMerge"] = new JsonObject { ["disk"] = NameOf(a.Disk), ["name"] = a.Target, ["sources"] = new JsonArray([.. SourcesOf(a).Select(s => (JsonNode)s)]) },
            },
            ReplayAction.Backup a => new()
            {
                ["backup"] = Given(("disk", NameOf(a.Disk)), ("sync", a.Sync), ("bitmap", a.Bitmap), ("policy", a.Mode), ("noAutoFinalize", a.Waits)),
            },
            _ => throw new ArgumentOutOfRangeException(nameof(action)),
        };

    private string[] SourcesOf(ReplayAction.Merge merge) => [.. merge.Sources.Select(s => s.Disk == merge.Disk ? s.Name : $"{NameOf(s.Disk)}/{s.Name}")];

    private async Task<ReplayAnswer> StartGroupAsync(ReplayAction.Transaction action)
    {
        var file = _world.PathOf("transaction.json");
        var actions = new JsonArray([.. action.Actions.Select(PartOf)]);
        await File.WriteAllTextAsync(file, new JsonObject { ["completionMode"] = action.IsGrouped ? "grouped" : "individual", ["actions"] = actions }.ToJsonString());
        var (answer, printed) = await TryAsync("group", "start", "-f", file);
        if (answer.IsAccepted)
        {
            var members = printed.GetProperty("members").EnumerateArray().ToList();
            foreach (var backup in action.Backups())
            {
                var member = members.First(m => m.GetProperty("disk").GetString() == NameOf(backup.Disk));
                members.Remove(member);
                _jobs[backup.Job] = member.GetProperty("job").GetString()!;
                Assert.Equal(backup.Bitmap, (await AskAsync("job", "show", _jobs[backup.Job])).GetProperty("bitmap").GetString());
            }
        }

        return answer;
    }

    private async Task<IEnumerable<JsonElement>> ListAsync(int disk) => (await AskAsync("bitmap", "list", _disks[disk].Id)).EnumerateArray();

    private async Task<JsonElement> AskAsync(params string[] arguments)
    {
        var (answer, printed) = await TryAsync(arguments);
        Assert.True(answer.IsAccepted, $"abk {string.Join(' ', arguments)}: {answer}\n{_world.Node.Log}");
        return printed;
    }

    private async Task<(ReplayAnswer Answer, JsonElement Printed)> TryAsync(params string[] arguments)
    {
        var result = await CommandLine.RunAsync(_world.Node.Variables, _world.Directory, ["-o", "json", .. arguments]);
        return (new ReplayAnswer(result.ExitCode == 0, result.Error.Split('\n')[0]), result.ExitCode == 0 ? World.Json(result.Out) : default);
    }
}
