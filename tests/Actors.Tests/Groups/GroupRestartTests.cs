using ActorBackup.Actors.Groups;
using ActorBackup.Actors.Tests.Jobs;
using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Identity;
using ActorBackup.Core.Jobs;
using ActorBackup.Messages.Disks;
using ActorBackup.Messages.Groups;
using Akka.TestKit;
using Akka.TestKit.Xunit2;

namespace ActorBackup.Actors.Tests.Groups;

/// <summary>What passes by itself uses up no restart of a group (rule 21): a stop of the node, a disk that is not open.</summary>
public sealed class GroupRestartTests : TestKit
{
    private const string Configuration = """
        akka.loglevel = OFF
        akka.stdout-loglevel = OFF
        akka.log-dead-letters = off
        akka.scheduler.implementation = "Akka.TestKit.TestScheduler, Akka.TestKit"
        """;

    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);

    private readonly ManualClock _clock = new();
    private readonly GroupNetwork _network;
    private readonly GroupCoordinators _coordinators;
    private readonly DiskDouble _disk;
    private readonly GroupCommand.Start _start;
    private long _tick;

    public GroupRestartTests()
        : base(Configuration)
    {
        _disk = new DiskDouble(new DiskId("a"), DiskGuards.On, () => _clock.GetUtcNow(), () => ++_tick);
        _network = new GroupNetwork(new Random(1), new Dictionary<DiskId, DiskDouble> { [_disk.Id] = _disk }) { Rates = FaultRates.None };
        _coordinators = new GroupCoordinators(Sys, _network, _clock, GroupGuards.On);
        var order = new BackupOrder { Repository = new RepositoryName("main"), RepositoryId = "repo-id", Sync = SyncMode.Full, Bitmap = "x", Policy = BitmapSyncPolicy.Conditional, Restarts = 1 };
        _start = new GroupCommand.Start(GroupCompletion.Grouped, [new DiskCommand.StartBackup(order) { Disk = _disk.Id }]) { Group = new GroupId($"{Guid.NewGuid():n}") };
    }

    [Fact]
    public async Task A_restart_that_meets_a_stop_of_the_node_is_tried_again_by_the_next_process()
    {
        await FailAsync();
        _network.At(Stop);
        await UntilAsync(() => _coordinators.Starts.Count == 2, Second);
        Assert.True((await _coordinators.WhyNotBegunAsync(_coordinators.Starts[1]))!.IsPassing);
        Assert.True((await _coordinators.ViewAsync(_start.Group))!.IsRestartDue);

        await RestartNodeAsync();

        await AssertRestartedAsync();
    }

    [Fact]
    public async Task A_restart_that_dies_with_its_process_before_it_began_is_tried_again_by_the_next_one()
    {
        await FailAsync();
        var kills = 1;
        _network.Kills = m => m is DiskCommand.PrepareGroup && kills-- > 0;

        await AssertRestartedAsync();

        Assert.Equal(3, _coordinators.Starts.Count);
    }

    [Fact]
    public async Task A_restart_waits_for_a_disk_that_is_not_open()
    {
        await FailAsync();
        _network.At(() => _disk.IsOffline = true);
        for (var minute = 0; minute < 5; minute++)
        {
            Pass(Minute);
            await _coordinators.SettleAsync();
        }

        Assert.Equal([_start.Group], _coordinators.Starts.Select(s => s.Group));
        Assert.True((await _coordinators.ViewAsync(_start.Group))!.IsRestartDue);

        _network.At(() => _disk.IsOffline = false);

        await AssertRestartedAsync();
    }

    private async Task FailAsync()
    {
        _coordinators.Start(_start);
        await UntilAsync(() => _disk.Finish(0, fails: true, false, false), TimeSpan.Zero);
        await UntilAsync(() => _disk.State.Groups.IsEmpty, Second);
        Assert.True((await _coordinators.ViewAsync(_start.Group))!.IsRestartDue);
        Assert.Single(_coordinators.Starts);
    }

    private bool Stop()
    {
        _disk.Stop();
        return true;
    }

    private async Task RestartNodeAsync()
    {
        _network.At(() =>
        {
            _disk.Restart();
            return true;
        });
        await _coordinators.RestartAllAsync();
    }

    /// <summary>The one restart that was wanted is there.</summary>
    private async Task AssertRestartedAsync()
    {
        for (var round = 0; round < 100 && (await _coordinators.ViewAsync(_start.Group))!.RetriedAs is null; round++)
        {
            Pass(Minute);
            await _coordinators.SettleAsync();
        }

        var view = (await _coordinators.ViewAsync(_start.Group))!;
        var next = Assert.Single(_coordinators.Starts, s => s.Group == view.RetriedAs);
        Assert.Equal((1, _start.Group), (next.RestartCount, next.RetryOf!.Value));
    }

    private async Task UntilAsync(Func<bool> isSo, TimeSpan step)
    {
        for (var round = 0; round < 100; round++)
        {
            await _coordinators.SettleAsync();
            if (_network.At(isSo))
            {
                return;
            }

            Pass(step);
        }

        Assert.Fail($"It does not come to that:\n{string.Join('\n', _network.Trace)}");
    }

    private void Pass(TimeSpan time)
    {
        _clock.Advance(time);
        ((TestScheduler)Sys.Scheduler).Advance(time);
    }
}
