using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Identity;
using ActorBackup.Core.Jobs;
using ActorBackup.Domain.Disks;
using ActorBackup.Messages;
using ActorBackup.Messages.Disks;
using ActorBackup.Recovery.Tests.Support;

namespace ActorBackup.Recovery.Tests.Lineage;

/// <summary>One random life of a disk. Jobs are slow enough to stand still unless a step lets them go on.</summary>
internal sealed class LineageRun : IDisposable
{
    private const int Blocks = 48;
    private const int BlockBytes = 4096;
    private const int SectorBytes = 512;
    private const long StandStill = 1;

    private static readonly string[] Names = ["a", "b", "c"];
    private static readonly string[] Repositories = ["here", "there"];

    private readonly Random _random;
    private readonly World _world;
    private readonly Shadows _shadows = new();
    private Node _node = null!;

    private LineageRun(World world, int seed)
    {
        (_world, _random) = (world, new Random(seed));
    }

    public List<string> Trace { get; } = [];

    /// <summary>How often each thing happened.</summary>
    public Dictionary<string, int> Counts { get; } = [];

    private DiskState State => _node.State;

    private IEnumerable<JobState> Unfinished => State.UnfinishedJobs;

    public static async Task<LineageRun> StartAsync(ActorHost host, int seed)
    {
        var run = new LineageRun(await World.CreateAsync(host, Blocks, BlockBytes), seed);
        run._node = await run._world.StartAsync();
        await run._world.AddDiskAsync(run._node);
        foreach (var name in Names)
        {
            await run.AddAsync(name, isRecording: true);
        }

        return run;
    }

    public async Task StepAsync()
    {
        if (_random.Next(20) == 0)
        {
            var left = _random.Next(1, 12);
            _node.Process.BeforeStep = _ =>
            {
                if (--left == 0)
                {
                    _node.Process.Die();
                }
            };
        }

        await OperateAsync();
        if (_node.Process.IsDead || _node.Process.BeforeStep is not null)
        {
            Note("killed", "");
            await _node.KillAsync();
            await RestartAsync();
        }

        _shadows.Follow(State);
        await CheckAsync();
    }

    /// <summary>Everything that fails is well again; then nothing stays busy, and every bitmap can be backed up.</summary>
    public async Task ComeToRestAsync()
    {
        Note("rest", "");
        _node.Files.Away.Clear();
        _node.Files.IsUnreadable = null;
        await _node.RecoverAsync();
        foreach (var job in Unfinished.ToList())
        {
            await _node.AskAsync(new DiskCommand.CancelJob(job.Spec.Id, false) { Disk = Node.DiskId });
            await _node.WaitAsync(job.Spec.Id);
        }

        await _node.RecoverAsync();
        await _node.RecoverAsync();
        Assert.All(State.Jobs.Values, j => Assert.True(j.IsSettled, $"job {j.Spec.Id} is not settled"));
        Assert.Empty(_node.Disk.JobsInTracking);
        Assert.All(State.Bitmaps.Values, b => Assert.Null(b.BusyWith));
        _shadows.Follow(State);
        await CheckAsync();
        foreach (var bitmap in State.Bitmaps.Values.Where(b => b.Recording).ToList())
        {
            await WriteAsync();
            var order = _world.Order(SyncMode.Incremental, bitmap.Name, repository: Pick(Repositories)) with { FallbackToFull = true };
            var job = Assert.IsType<DiskReply.Job>(await _world.BackUpAsync(_node, order)).View.Id;
            _shadows.Start(job);
            var view = (await _node.WaitAsync(job))!;
            _shadows.Follow(State);
            Assert.True(view.Outcome == JobOutcome.Success, $"the last backup of {bitmap.Name} ended {view.Outcome}: {view.Error}");
            await CheckAsync();
        }

        await _node.StopAsync();
    }

    public string DescribeJobs() =>
        string.Join('\n', State.Jobs.Values.Select(j => $"{j.Spec.Id} {j.Spec.Sync} {j.Spec.Bitmap} {j.Policy}: {j.Conclusion?.Outcome} {j.Conclusion?.Remainder} {j.Conclusion?.Error}"));

    public void Dispose() => _world.Dispose();

    private Task OperateAsync() =>
        _random.Next(100) switch
        {
            < 26 => WriteAsync(),
            < 30 => AddAsync(),
            < 31 => CommandAsync("remove", n => new DiskCommand.RemoveBitmap(n) { Disk = Node.DiskId }),
            < 33 => CommandAsync("clear", n => new DiskCommand.ClearBitmap(n) { Disk = Node.DiskId }),
            < 35 => CommandAsync("disable", n => new DiskCommand.SetBitmapRecording(n, false) { Disk = Node.DiskId }),
            < 38 => CommandAsync("enable", n => new DiskCommand.SetBitmapRecording(n, true) { Disk = Node.DiskId }),
            < 41 => CommandAsync("merge", n => new DiskCommand.MergeBitmaps(n, [new BitmapAddress(Node.DiskId, Pick(Names)), new BitmapAddress(Node.DiskId, Pick(Names))]) { Disk = Node.DiskId }),
            < 58 => BackUpAsync(),
            < 62 => RetryAsync(),
            < 73 => GoOnAsync(),
            < 84 => EndAsync(),
            < 86 => ChangePolicyAsync(),
            < 92 => DeletePointAsync(),
            < 93 => LosePointAsync(),
            < 96 => MoveRepositoryAsync(),
            < 97 => FailReadsAsync(),
            < 99 => KillAsync(),
            _ => StopAsync(),
        };

    private async Task WriteAsync()
    {
        var sectors = _random.Next(1, 24);
        var first = _random.Next((Blocks * BlockBytes / SectorBytes) - sectors);
        Note("write", $"{first}+{sectors}");
        var recorders = State.Bitmaps.Values.Where(b => b.Recording).Select(b => b.SetId).ToList();
        if (_random.Next(4) == 0)
        {
            await _world.ZeroAsync(_node, first * SectorBytes, sectors * SectorBytes);
        }
        else
        {
            var data = new byte[sectors * SectorBytes];
            _random.NextBytes(data);
            await _world.WriteAsync(_node, first * SectorBytes, data);
        }

        if (_world.InFlight is null)
        {
            _shadows.Write(State, recorders, first, sectors);
        }
        else
        {
            Assert.True(_node.Process.IsDead, "a guest's write failed");
        }
    }

    private Task AddAsync() => AddAsync(Pick(Names), _random.Next(5) > 0);

    private async Task AddAsync(string name, bool isRecording)
    {
        var granularity = 512L << _random.Next(8);
        Note("add", $"{name} {granularity} {isRecording}");
        Tolerate(await _node.AskAsync(new DiskCommand.AddBitmap(name, granularity, isRecording, true) { Disk = Node.DiskId }), RefusalCode.Duplicate);
    }

    private async Task CommandAsync(string what, Func<string, DiskCommand> make)
    {
        var name = Pick(Names);
        Note(what, name);
        var reply = await _node.AskAsync(make(name));
        Tolerate(reply, RefusalCode.UnknownBitmap, RefusalCode.Busy);
        if (what == "clear" && reply is not DiskReply.Rejected && State.Bitmaps.TryGetValue(name, out var bitmap))
        {
            _shadows.Clear(bitmap.SetId);
        }
    }

    private async Task BackUpAsync()
    {
        var sync = Pick(SyncMode.Auto, SyncMode.Full, SyncMode.Bitmap, SyncMode.Bitmap, SyncMode.Incremental);
        var bitmap = sync == SyncMode.Auto || (sync == SyncMode.Full && _random.Next(4) == 0) ? null : Pick(Names);
        BitmapSyncPolicy? policy = bitmap is null || sync == SyncMode.Incremental ? null
            : sync == SyncMode.Full ? Pick(BitmapSyncPolicy.Always, BitmapSyncPolicy.Conditional)
            : Pick(BitmapSyncPolicy.Always, BitmapSyncPolicy.Always, BitmapSyncPolicy.Conditional, BitmapSyncPolicy.Never);
        var isSlow = _random.Next(5) > 1;
        var order = _world.Order(sync, bitmap, policy, Pick(Repositories)) with
        {
            RateBytesPerSecond = isSlow ? StandStill : 0,
            AutoFinalize = _random.Next(5) > 0,
            FallbackToFull = sync is SyncMode.Bitmap or SyncMode.Incremental && _random.Next(4) == 0,
            WithoutBase = sync == SyncMode.Bitmap && _random.Next(8) == 0,
            AutoDismiss = _random.Next(2) == 0,
        };
        Note("backup", $"{sync} {bitmap} {policy} {order.Repository} {(isSlow ? "slow" : "fast")}{(order.FallbackToFull ? " fallback" : "")}{(order.WithoutBase ? " none" : "")}{(order.AutoFinalize ? "" : " manual")}");
        var before = State;
        var expected = await StartExpectation.OfAsync(_world, _node, order);
        await FollowAsync(await _world.BackUpAsync(_node, order), before, expected, isSlow);
    }

    private async Task RetryAsync()
    {
        if (State.Jobs.Values.Where(j => j.Conclusion is { Outcome: not JobOutcome.Success }).ToList() is not { Count: > 0 } failed)
        {
            return;
        }

        var job = Pick(failed);
        Note("retry", job.Spec.Id.Value);
        var reply = await _world.StartAsync(_node, new DiskCommand.RetryJob(job.Spec.Id) { Disk = Node.DiskId });
        await FollowAsync(reply, State, null, job.Spec.RateBytesPerSecond > 0);
    }

    private async Task FollowAsync(DiskReply? reply, DiskState before, StartExpectation? expected, bool isSlow)
    {
        if (reply is DiskReply.Rejected no)
        {
            Note("refused", no.Refusal.Code.ToString());
        }

        if (reply is not null && !HasMovedSince(before))
        {
            expected?.Check(reply);
        }

        Tolerate(
            reply, RefusalCode.UnknownBitmap, RefusalCode.Busy, RefusalCode.NoBase, RefusalCode.BaseElsewhere, RefusalCode.BaseLost, RefusalCode.IoError,
            RefusalCode.InvalidPolicy, RefusalCode.NotReady);
        if (reply is DiskReply.Job started)
        {
            _shadows.Start(started.View.Id);
            if (!isSlow)
            {
                Note("ended", (await _node.WaitAsync(started.View.Id))?.Outcome?.ToString() ?? "pending");
            }
        }
    }

    /// <summary>Some blocks more, and a checkpoint.</summary>
    private async Task GoOnAsync()
    {
        if (PickUnfinished() is not { } job)
        {
            return;
        }

        var blocks = _random.Next(1, 12);
        Note("go on", $"{job} {blocks}");
        for (var i = 0; i < blocks && !_node.Process.IsDead; i++)
        {
            await _node.AskAsync(new DiskCommand.SetJobRate(job, StandStill) { Disk = Node.DiskId });
            await _node.TicksAsync(2);
        }

        await _node.TicksAsync(20);
    }

    private async Task EndAsync()
    {
        if (PickUnfinished() is not { } job)
        {
            return;
        }

        var view = await _node.ViewAsync(job);
        DiskCommand command = (view?.Status, _random.Next(4)) switch
        {
            (JobStatus.Pending, 0) => new DiskCommand.FinalizeJob(job, true) { Disk = Node.DiskId },
            (JobStatus.Pending, 1) => new DiskCommand.FinalizeJob(job, false) { Disk = Node.DiskId },
            (JobStatus.Pending, 2) => new DiskCommand.FinalizeJob(job, null) { Disk = Node.DiskId },
            (_, 0) => new DiskCommand.CancelJob(job, true) { Disk = Node.DiskId },
            (_, 1) => new DiskCommand.CancelJob(job, false) { Disk = Node.DiskId },
            _ => new DiskCommand.SetJobRate(job, 0) { Disk = Node.DiskId },
        };
        Note("end", $"{job} {command.GetType().Name}");
        Tolerate(await _node.AskAsync(command), RefusalCode.WrongState, RefusalCode.IoError, RefusalCode.NotReady);
        if (State.Jobs[job.Value].Conclusion is null && !_node.Process.IsDead && (await _node.ViewAsync(job))?.Phase != "recovering")
        {
            Note("ended", (await _node.WaitAsync(job))?.Outcome?.ToString() ?? "pending");
        }
    }

    private async Task ChangePolicyAsync()
    {
        if (PickUnfinished() is { } job)
        {
            var policy = Pick(BitmapSyncPolicy.Always, BitmapSyncPolicy.Conditional, BitmapSyncPolicy.Never);
            Note("policy", $"{job} {policy}");
            Tolerate(await _node.AskAsync(new DiskCommand.SetJobPolicy(job, policy) { Disk = Node.DiskId }), RefusalCode.WrongState, RefusalCode.InvalidPolicy);
        }
    }

    private async Task DeletePointAsync()
    {
        var repository = Pick(Repositories);
        if (IsAway(repository) || (await PointsAsync(repository)) is not { Count: > 0 } points)
        {
            return;
        }

        var point = Pick(points);
        Note("delete", $"{point} in {repository}");
        var state = State;
        var isPinned = state.Jobs.Values.Any(j => j.Conclusion is null && (j.Spec.Base == point || j.Spec.Id.Value == point.Value))
            || state.Bitmaps.Values.Any(b => b.Base.Point == point && b.BusyWith is not null);
        var reply = await _node.AskAsync(new DiskCommand.DeletePoint(point, new RepositoryName(repository), _world.IdOf(repository)) { Disk = Node.DiskId });
        if (reply is null || HasMovedSince(state))
        {
            return;
        }

        var isRefused = reply is DiskReply.Rejected { Refusal.Code: RefusalCode.Pinned };
        Assert.True(isPinned == isRefused || reply is not DiskReply.Done, $"deleting {point}: pinned {isPinned}, and the answer is {reply}");
        if (reply is DiskReply.Done)
        {
            var left = await PointsAsync(repository);
            Assert.DoesNotContain(point, left);
            foreach (var was in state.Bitmaps.Values.Where(b => b.Base.Point == point))
            {
                var now = State.Bitmaps[was.Name].Base;
                Assert.True(now.Point is { } p ? left.Contains(p) && now.State == BaseState.Valid : now.State == BaseState.None, $"the base of {was.Name} is {now}");
                Note(now.Point is null ? "base none" : "base moved", was.Name);
            }
        }
    }

    /// <summary>Somebody deletes the object itself.</summary>
    private async Task LosePointAsync()
    {
        var repository = Pick(Repositories);
        if (!IsAway(repository) && !Unfinished.Any() && await PointsAsync(repository) is { Count: > 0 } points)
        {
            var point = Pick(points);
            Note("lose", $"{point} in {repository}");
            File.Delete(_world.Machine.RealPath($"/{repository}/points/{point}"));
        }
    }

    private Task MoveRepositoryAsync()
    {
        var directory = "/" + Pick(Repositories);
        Note(_node.Files.Away.Contains(directory) ? "back" : "away", directory);
        if (!_node.Files.Away.Remove(directory))
        {
            _node.Files.Away.Add(directory);
        }

        return _node.RecoverAsync();
    }

    private Task FailReadsAsync()
    {
        var first = _random.Next(Blocks) * BlockBytes;
        Note("unreadable", _node.Files.IsUnreadable is null ? $"from {first}" : "no more");
        _node.Files.IsUnreadable = _node.Files.IsUnreadable is null && Unfinished.Any() ? (offset, length) => offset + length > first : null;
        return FinishAsync();
    }

    private async Task FinishAsync()
    {
        if (_node.Files.IsUnreadable is not null && PickUnfinished() is { } job)
        {
            await _node.AskAsync(new DiskCommand.SetJobRate(job, 0) { Disk = Node.DiskId });
            if ((await _node.ViewAsync(job))?.Phase != "recovering")
            {
                await _node.WaitAsync(job);
            }
        }

        _node.Files.IsUnreadable = null;
    }

    private Task KillAsync()
    {
        _node.Process.Die();
        return Task.CompletedTask;
    }

    private async Task StopAsync()
    {
        if (!Unfinished.Any())
        {
            Note("stop", "");
            await _node.StopAsync();
            await RestartAsync();
        }
    }

    private async Task RestartAsync()
    {
        var away = _node.Files.Away;
        _node = await _world.StartAsync();
        if (away.Count > 0 && _random.Next(2) == 0)
        {
            // It was back for the start, so that the jobs are concluded.
            _node.Files.Away.UnionWith(away);
        }
    }

    /// <summary>Jobs that have just been let go on may end while one looks; what is wrong stays wrong.</summary>
    private async Task CheckAsync()
    {
        for (var tries = 0; ; tries++)
        {
            try
            {
                await Checks.AllAsync(_world, _node, "after " + Trace.LastOrDefault());
                _shadows.Check(_world, _node);
                return;
            }
            catch (Exception) when (tries < 5)
            {
                await _node.TicksAsync(10);
                _shadows.Follow(State);
            }
        }
    }

    /// <summary>A job that needed nothing more ended meanwhile.</summary>
    private bool HasMovedSince(DiskState before) => before.Jobs.Values.Any(j => !j.IsSettled && State.Jobs[j.Spec.Id.Value].Conclusion is not null);

    private async Task<List<PointId>> PointsAsync(string repository) =>
        [.. (await (await _world.OpenAsync(_node, repository)).Data.Points.ListAsync(CancellationToken.None)).Points.Select(p => p.Id)];

    private bool IsAway(string repository) => _node.Files.Away.Contains("/" + repository);

    private JobId? PickUnfinished() => Unfinished.ToList() is { Count: > 0 } jobs ? Pick(jobs).Spec.Id : null;

    private T Pick<T>(params IReadOnlyList<T> from) => from[_random.Next(from.Count)];

    private static void Tolerate(DiskReply? reply, params ReadOnlySpan<RefusalCode> codes)
    {
        if (reply is DiskReply.Rejected no)
        {
            Assert.True(codes.Contains(no.Refusal.Code), $"refused with {no.Refusal.Code}: {no.Refusal.Message}");
        }
    }

    private void Note(string what, string details)
    {
        Trace.Add($"{what} {details}");
        Counts[what] = Counts.GetValueOrDefault(what) + 1;
    }
}
