using System.Text.Json;
using System.Text.Json.Nodes;

namespace ActorBackup.EndToEnd.Tests.Replay;

/// <summary>QEMU. Each backup gets a target of its own, poisoned so that one can see which blocks were copied.</summary>
internal sealed class QemuSide : IReplaySide, IAsyncDisposable
{
    private readonly QemuDaemon _qemu;
    private readonly string _directory;
    private readonly IReadOnlyList<ReplayDisk> _disks;
    private readonly List<ReplayGuest> _guests = [];

    private QemuSide(QemuDaemon qemu, string directory, IReadOnlyList<ReplayDisk> disks) => (_qemu, _directory, _disks) = (qemu, directory, disks);

    /// <param name="qemu">May have other disks besides.</param>
    /// <param name="directory">For images and targets.</param>
    /// <param name="disks">Their names are free.</param>
    public static async Task<QemuSide> StartAsync(QemuDaemon qemu, string directory, IReadOnlyList<ReplayDisk> disks)
    {
        var side = new QemuSide(qemu, directory, disks);
        foreach (var disk in disks)
        {
            disk.MakeImage(side.ImageOf(disk));
            await side.AddNodeAsync(disk.Id, side.ImageOf(disk));
            await qemu.AskAsync("block-export-add", new JsonObject { ["type"] = "nbd", ["id"] = disk.Id, ["node-name"] = disk.Id, ["name"] = disk.Id, ["writable"] = true });
            side._guests.Add(await ReplayGuest.ConnectAsync(qemu.UriOf(disk.Id)));
        }

        return side;
    }

    public string ImageOf(ReplayDisk disk) => Path.Combine(_directory, $"{disk.Id}.qemu");

    public string TargetOf(string job) => Path.Combine(_directory, $"{job}.target");

    public async Task<ReplayAnswer> DoAsync(ReplayAction action)
    {
        if (action is ReplayAction.Write or ReplayAction.Zero or ReplayAction.Discard)
        {
            await _guests[DiskOf(action)].DoAsync(action);
            return new ReplayAnswer(true, "");
        }

        foreach (var backup in action.Backups())
        {
            PoisonedTarget.Make(TargetOf(backup.Job), NameOf(backup.Disk).SizeBytes);
            await AddNodeAsync(backup.Job, TargetOf(backup.Job));
        }

        var (command, arguments) = CommandOf(action);
        var refusal = (await _qemu.TryAsync(command, arguments)).Refusal;
        foreach (var backup in refusal is null ? [] : action.Backups())
        {
            await DropTargetAsync(backup.Job);
        }

        return new ReplayAnswer(refusal is null, refusal ?? "");
    }

    public async Task<IReadOnlyList<BitmapView>> BitmapsAsync(int disk)
    {
        var nodes = await _qemu.AskAsync("query-named-block-nodes", new JsonObject { ["flat"] = true });
        var node = nodes.EnumerateArray().Single(n => n.GetProperty("node-name").GetString() == _disks[disk].Id);
        var views = new List<BitmapView>();
        if (!node.TryGetProperty("dirty-bitmaps", out var all))
        {
            return views;
        }

        foreach (var bitmap in all.EnumerateArray())
        {
            // A successor has no name.
            if (bitmap.TryGetProperty("name", out var name))
            {
                views.Add(await ViewAsync(_disks[disk].Id, name.GetString()!, bitmap));
            }
        }

        return [.. views.OrderBy(v => v.Name, StringComparer.Ordinal)];
    }

    public Task<string> SettleAsync(string job, bool mayWait) => _qemu.SettleAsync(job, mayWait);

    /// <summary>Lets go of the target of a job that is over; the file stays.</summary>
    public Task ReleaseTargetAsync(string job) => _qemu.AskAsync("blockdev-del", new JsonObject { ["node-name"] = job });

    /// <summary>Lets go of the disks, when no job is left.</summary>
    public async Task ReleaseAsync()
    {
        await DisposeAsync();
        foreach (var disk in _disks)
        {
            await _qemu.RemoveExportAsync(disk.Id);
            await _qemu.AskAsync("blockdev-del", new JsonObject { ["node-name"] = disk.Id });
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

    private static int DiskOf(ReplayAction action) =>
        action switch
        {
            ReplayAction.Write a => a.Disk,
            ReplayAction.Zero a => a.Disk,
            ReplayAction.Discard a => a.Disk,
            _ => throw new ArgumentOutOfRangeException(nameof(action)),
        };

    private ReplayDisk NameOf(int disk) => disk < _disks.Count ? _disks[disk] : ReplayDisk.Unknown;

    private (string Command, JsonObject Arguments) CommandOf(ReplayAction action)
    {
        switch (action)
        {
            case ReplayAction.Add a:
                var add = Of(a.Disk, a.Name);
                add["disabled"] = a.IsDisabled;
                if (a.Granularity is { } granularity)
                {
                    add["granularity"] = granularity;
                }

                return ("block-dirty-bitmap-add", add);
            case ReplayAction.Remove a:
                return ("block-dirty-bitmap-remove", Of(a.Disk, a.Name));
            case ReplayAction.Clear a:
                return ("block-dirty-bitmap-clear", Of(a.Disk, a.Name));
            case ReplayAction.SetRecording a:
                return (a.IsEnabled ? "block-dirty-bitmap-enable" : "block-dirty-bitmap-disable", Of(a.Disk, a.Name));
            case ReplayAction.Merge a:
                return ("block-dirty-bitmap-merge", new JsonObject
                {
                    ["node"] = NameOf(a.Disk).Id,
                    ["target"] = a.Target,
                    ["bitmaps"] = new JsonArray([.. a.Sources.Select(s => s.Disk == a.Disk ? (JsonNode)s.Name : Of(s.Disk, s.Name))]),
                });
            case ReplayAction.Backup a:
                var backup = new JsonObject
                {
                    ["job-id"] = a.Job,
                    ["device"] = NameOf(a.Disk).Id,
                    ["target"] = a.Job,
                    ["sync"] = a.Sync,
                    ["auto-finalize"] = !a.Waits,
                };
                if (a.Bitmap is not null)
                {
                    backup["bitmap"] = a.Bitmap;
                }

                if (a.Mode is not null)
                {
                    backup["bitmap-mode"] = a.Mode;
                }

                return ("blockdev-backup", backup);
            case ReplayAction.Transaction a:
                return ("transaction", new JsonObject
                {
                    ["actions"] = new JsonArray([.. a.Actions.Select(CommandOf).Select(c => new JsonObject { ["type"] = c.Command, ["data"] = c.Arguments })]),
                    ["properties"] = new JsonObject { ["completion-mode"] = a.IsGrouped ? "grouped" : "individual" },
                });
            case ReplayAction.End a:
                return (a.IsCancelled ? "job-cancel" : "job-finalize", new JsonObject { ["id"] = a.Job });
            default:
                throw new ArgumentOutOfRangeException(nameof(action));
        }
    }

    private JsonObject Of(int disk, string name) => new() { ["node"] = NameOf(disk).Id, ["name"] = name };

    private async Task<BitmapView> ViewAsync(string node, string name, JsonElement bitmap)
    {
        var bits = await _qemu.AskAsync("x-debug-block-dirty-bitmap-sha256", new JsonObject { ["node"] = node, ["name"] = name });
        return new BitmapView(
            name,
            bitmap.GetProperty("granularity").GetInt64(),
            bitmap.GetProperty("recording").GetBoolean(),
            bitmap.GetProperty("busy").GetBoolean(),
            bitmap.GetProperty("count").GetInt64(),
            bits.GetProperty("sha256").GetString()!);
    }

    /// <summary>Without <c>discard=unmap</c> QEMU would not see discards at all.</summary>
    private Task AddNodeAsync(string name, string file) =>
        _qemu.AskAsync("blockdev-add", new JsonObject { ["driver"] = "file", ["node-name"] = name, ["filename"] = file, ["discard"] = "unmap" });

    private async Task DropTargetAsync(string job)
    {
        await ReleaseTargetAsync(job);
        File.Delete(TargetOf(job));
    }
}
