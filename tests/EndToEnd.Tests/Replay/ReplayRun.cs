using System.Text;
using ActorBackup.EndToEnd.Tests.Support;

namespace ActorBackup.EndToEnd.Tests.Replay;

/// <summary>One random sequence against both sides, compared after every action.</summary>
internal sealed class ReplayRun : IAsyncDisposable
{
    private readonly IReadOnlyList<ReplayDisk> _disks;
    private readonly QemuSide _qemu;
    private readonly AbkSide _abk;
    private readonly ReplayGenerator _generator;
    private readonly List<PendingJob> _pending = [];
    private readonly StringBuilder _trace = new();
    private ReplayState _state;
    private int _step;

    private ReplayRun(IReadOnlyList<ReplayDisk> disks, QemuSide qemu, AbkSide abk, ReplayGenerator generator)
    {
        (_disks, _qemu, _abk, _generator) = (disks, qemu, abk, generator);
        _state = new ReplayState([.. disks.Select(_ => (IReadOnlyList<BitmapView>)[])], new HashSet<(int, string)>(), _pending);
    }

    /// <summary>Everything that was done, with both answers.</summary>
    public string Trace => _trace.ToString();

    /// <summary>How often each kind of action was accepted or refused, and jobs ended.</summary>
    public SortedDictionary<string, int> Counts { get; } = new(StringComparer.Ordinal);

    /// <summary>Two disks of equal size and one of another, all with a last block that is cut short.</summary>
    public static async Task<ReplayRun> StartAsync(World world, QemuDaemon qemu, int seed)
    {
        var random = new Random(seed);
        var size = Image.MiB + (512 * random.Next(1, 128));
        var disks = new[] { size, size, (Image.MiB / 2) + (512 * random.Next(1, 128)) }.Select((s, i) => new ReplayDisk($"s{seed}-{(char)('a' + i)}", s, random.Next())).ToList();
        return new ReplayRun(disks, await QemuSide.StartAsync(qemu, world.Directory, disks), await AbkSide.StartAsync(world, disks), new ReplayGenerator(seed, $"s{seed}-j", disks));
    }

    public async Task StepAsync() => await DoAsync(_generator.Next(_state));

    /// <summary>Ends what is pending, compares the disks' bytes, and lets go of the disks.</summary>
    public async Task ComeToRestAsync()
    {
        while (_pending.Count > 0)
        {
            await DoAsync(_generator.End(_state));
        }

        foreach (var disk in _disks)
        {
            Image.AssertEqual(_qemu.ImageOf(disk), _abk.ImageOf(disk));
        }

        await _qemu.ReleaseAsync();
        await _abk.ReleaseAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await _abk.DisposeAsync();
        await _qemu.DisposeAsync();
    }

    private async Task DoAsync(ReplayAction action)
    {
        _trace.Append($"{++_step,4}. {action}");
        var qemu = await _qemu.DoAsync(action);
        _trace.Append($"\n      QEMU {qemu}");
        var abk = await _abk.DoAsync(action);
        _trace.AppendLine($"\n      ours {abk}");
        Count($"{action.GetType().Name} {(qemu.IsAccepted ? "accepted" : "refused")}");
        Assert.True(qemu.IsAccepted == abk.IsAccepted, $"QEMU {qemu}, ours {abk}");
        if (qemu.IsAccepted)
        {
            await SettleAsync(action);
        }

        await CompareBitmapsAsync();
    }

    private async Task SettleAsync(ReplayAction action)
    {
        if (action is ReplayAction.End end)
        {
            var ending = _pending.Single(p => p.Backup.Job == end.Job);
            foreach (var job in _pending.Where(p => p == ending || (p.Group is not null && p.Group == ending.Group)).ToList())
            {
                _pending.Remove(job);
                await SettleAsync(job.Backup, mayWait: false, group: null);
            }

            return;
        }

        var backups = action.Backups().ToList();
        var isGrouped = action is ReplayAction.Transaction { IsGrouped: true };
        foreach (var backup in backups)
        {
            await SettleAsync(backup, isGrouped ? backups.Any(b => b.Waits) : backup.Waits, isGrouped ? backups[0].Job : null);
        }
    }

    private async Task SettleAsync(ReplayAction.Backup backup, bool mayWait, string? group)
    {
        var (qemu, abk) = (await _qemu.SettleAsync(backup.Job, mayWait), await _abk.SettleAsync(backup.Job, mayWait));
        _trace.AppendLine($"      job {backup.Job}: QEMU {qemu}, ours {abk}");
        Assert.True(qemu == abk, $"job {backup.Job}: QEMU {qemu}, ours {abk}");
        Count($"job {backup.Sync} {backup.Mode} {qemu}");
        if (qemu == "pending")
        {
            _pending.Add(new PendingJob(backup, group));
            return;
        }

        await _qemu.ReleaseTargetAsync(backup.Job);
        await CompareContentAsync(backup, isWhole: qemu == "success" && backup.Sync == "full");
    }

    private async Task CompareBitmapsAsync()
    {
        var all = new List<IReadOnlyList<BitmapView>>();
        var withBase = new HashSet<(int Disk, string Name)>();
        for (var disk = 0; disk < _disks.Count; disk++)
        {
            var (qemu, abk) = (await _qemu.BitmapsAsync(disk), await _abk.BitmapsAsync(disk));
            Assert.True(qemu.SequenceEqual(abk), $"bitmaps of disk {disk} of {_disks[disk].SizeBytes} bytes\nQEMU\n{string.Join('\n', qemu)}\nours\n{string.Join('\n', abk)}");
            all.Add(qemu);
            withBase.UnionWith((await _abk.WithBaseAsync(disk)).Select(name => (disk, name)));
        }

        _state = new ReplayState(all, withBase, _pending);
    }

    /// <summary>What QEMU copied is in our point, too, and what a point over nothing lacks QEMU has not copied.</summary>
    private async Task CompareContentAsync(ReplayAction.Backup backup, bool isWhole)
    {
        var target = await File.ReadAllBytesAsync(_qemu.TargetOf(backup.Job));
        File.Delete(_qemu.TargetOf(backup.Job));
        if (await _abk.PointOfAsync(backup.Job) is not var (content, point))
        {
            return;
        }

        Assert.Equal(target.Length, content.Length);
        var (state, isOverNothing) = (point.GetProperty("state").GetString(), point.GetProperty("base").GetString() is null);
        Count($"point {state}{(isOverNothing ? " over nothing" : "")}");
        Assert.True(!isWhole || state == "complete", $"the point of {backup.Job} is {state}");
        var missing = AbkSide.Ranges(point.GetProperty("missing")).ToList();
        for (var block = 0L; block * Image.BlockBytes < target.Length; block++)
        {
            var (isCopied, isMissing) = (PoisonedTarget.IsCopied(target, block), missing.Any(m => m.Offset < (block + 1) * Image.BlockBytes && m.Offset + m.Length > block * Image.BlockBytes));
            Assert.True(
                isCopied ? !isMissing : !isWhole && (isMissing || !isOverNothing),
                $"block {block} of the point of {backup.Job}: {(isCopied ? "copied" : "not copied")} by QEMU, {(isMissing ? "missing" : "there")} in {point}");
            Assert.True(
                !isCopied || PoisonedTarget.BlockOf(target, block).SequenceEqual(PoisonedTarget.BlockOf(content, block)),
                $"block {block} of the point of {backup.Job} has other bytes than QEMU's target");
        }
    }

    private void Count(string what) => Counts[what] = Counts.GetValueOrDefault(what) + 1;
}
