using ActorBackup.Actors.Groups;
using ActorBackup.Actors.Tests.Jobs;
using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Identity;
using ActorBackup.Core.Jobs;
using ActorBackup.Messages.Disks;
using ActorBackup.Messages.Groups;
using Akka.Actor;
using Akka.TestKit;

namespace ActorBackup.Actors.Tests.Groups;

/// <summary>One group under one seed: it begins or not, its jobs copy, fail and are cancelled, everybody dies at some time, and what failed is started again; then the faults stop, and everything must be over and whole.</summary>
internal sealed class GroupLife
{
    private const int StepsMax = 60;
    private const int QuietRoundsMax = 300;
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan ReservationLimit = TimeSpan.FromSeconds(60);

    private readonly ActorSystem _system;
    private readonly Random _random;
    private readonly ManualClock _clock = new();
    private readonly Dictionary<DiskId, DiskDouble> _disks = [];
    private readonly GroupNetwork _network;
    private readonly GroupCoordinators _coordinators;
    private readonly GroupCommand.Start _start;
    private readonly int _restarts;
    private long _tick;

    private GroupLife(ActorSystem system, ulong seed, GroupGuards guards, DiskGuards diskGuards)
    {
        (_system, _random) = (system, new Random((int)seed));
        _restarts = _random.Next(2) == 0 ? 0 : 1 + _random.Next(2);
        foreach (var id in new[] { "a", "b", "c" }.Take(1 + _random.Next(3)).Select(d => new DiskId(d)))
        {
            _disks.Add(id, new DiskDouble(id, diskGuards, () => _clock.GetUtcNow(), () => ++_tick));
        }

        _start = new GroupCommand.Start(_random.Next(4) == 0 ? GroupCompletion.Individual : GroupCompletion.Grouped, [.. _disks.Keys.SelectMany(ActionsOf)]) { Group = new GroupId($"{Guid.NewGuid():n}") };
        _network = new GroupNetwork(_random, _disks) { Rates = FaultRates.Draw(_random) };
        _coordinators = new GroupCoordinators(system, _network, _clock, guards);
    }

    /// <returns>The promise that was broken, with what happened before, null = none; what the disks were told of the first group, and how many began because it failed.</returns>
    public static async Task<(string? Violation, GroupDecision Decision, int Restarts)> RunAsync(ActorSystem system, ulong seed, GroupGuards guards, DiskGuards diskGuards)
    {
        var life = new GroupLife(system, seed, guards, diskGuards);
        try
        {
            var violation = await life.RunAsync();
            return (
                violation is null ? null : $"seed {seed}: {violation}\n  {string.Join("\n  ", life._network.Trace)}",
                life.DecisionsOf(life._start.Group).FirstOrDefault(GroupDecision.Undo),
                life.Begun.Count(g => g.RetryOf is not null));
        }
        finally
        {
            life._coordinators.Stop();
        }
    }

    /// <summary>Groups that some disk had an instant of and that were not undone.</summary>
    private IReadOnlyList<GroupCommand.Start> Begun => [.. _coordinators.Starts.Where(s => DecisionsOf(s.Group).Any(d => d != GroupDecision.Undo))];

    private IReadOnlyList<GroupDecision> DecisionsOf(GroupId group) =>
        [.. _disks.Values.Select(d => d.Decisions.TryGetValue(group, out var decision) ? decision : (GroupDecision?)null).OfType<GroupDecision>().Distinct()];

    private IEnumerable<DiskCommand> ActionsOf(DiskId disk)
    {
        if (_disks.Keys.FirstOrDefault(d => d != disk) is { Value: not null } other && _random.Next(4) == 0)
        {
            yield return new DiskCommand.MergeBitmaps("y", [new BitmapAddress(other, "y")]) { Disk = disk };
        }

        if (_random.Next(3) == 0)
        {
            yield return new DiskCommand.ClearBitmap("y") { Disk = disk };
        }

        var order = new BackupOrder { Repository = new RepositoryName("main"), RepositoryId = "repo-id", Sync = SyncMode.Full, AutoFinalize = _random.Next(6) != 0, Restarts = _restarts };
        var jobs = _random.Next(4) == 0 ? 0 : 1 + _random.Next(2);
        if (jobs == 0)
        {
            yield return new DiskCommand.AddBitmap("n", null, true, true) { Disk = disk };
        }

        if (jobs > 0)
        {
            yield return new DiskCommand.StartBackup(order with { Bitmap = "x", Policy = BitmapSyncPolicy.Conditional }) { Disk = disk };
        }

        if (jobs > 1)
        {
            yield return new DiskCommand.StartBackup(_random.Next(2) == 0 ? order : order with { Sync = SyncMode.Auto }) { Disk = disk };
        }
    }

    private async Task<string?> RunAsync()
    {
        _coordinators.Start(_start);
        for (var step = 0; step < StepsMax; step++)
        {
            await _coordinators.SettleAsync();
            await StepAsync();
        }

        _network.At(() => _network.Rates = FaultRates.None);
        for (var round = 0; round < QuietRoundsMax; round++)
        {
            await _coordinators.SettleAsync();
            _network.DeliverLate();
            if (_network.At(() => _disks.Values.Any(d => d.Finish(0, false, false, false))))
            {
                Ask();
            }

            if (round >= QuietRoundsMax / 2 && round % 20 == 0)
            {
                // A person ends what waits for him; disks that restart ask.
                var isWanted = _network.At(() => _random.Next(2) == 0);
                _coordinators.Tell(g => isWanted ? new GroupCommand.Complete { Group = g } : new GroupCommand.Cancel(false) { Group = g });
            }

            Pass(round % 10 == 9 ? ReservationLimit : Second);
            if (round == QuietRoundsMax * 3 / 4)
            {
                await RestartAllAsync();
            }

            if (round > QuietRoundsMax / 2 && !_network.HasLate && _network.At(() => _disks.Values.All(IsQuiet)) && await _coordinators.AreConcludedAsync())
            {
                break;
            }
        }

        await _coordinators.SettleAsync();
        return _network.At(Violation) ?? await UnfinishedAsync();
    }

    private async Task<string?> UnfinishedAsync()
    {
        if (!await _coordinators.AreConcludedAsync())
        {
            return "a group is not over";
        }

        var tries = 0;
        foreach (var start in _coordinators.Starts)
        {
            if (await _coordinators.ViewAsync(start.Group) is { IsRestartDue: true })
            {
                return $"group {start.Group} is to be started again, and nobody does it";
            }

            tries += await _coordinators.WhyNotBegunAsync(start) is { IsPassing: true } ? 0 : 1;
        }

        return tries > 1 + _restarts ? $"{tries} groups were tried, and {_restarts} restarts were wanted" : null;
    }

    /// <summary>The node starts once more, and disks that have a part ask.</summary>
    private async Task RestartAllAsync()
    {
        _network.At(() =>
        {
            _disks.Values.ToList().ForEach(d => d.Restart());
            return _network.Note("the node restarts");
        });
        await _coordinators.RestartAllAsync();
        Ask();
    }

    private async Task StepAsync()
    {
        var disk = _network.At(() => _disks.Values.ElementAt(_random.Next(_disks.Count)));
        switch (_network.At(() => _random.Next(15)))
        {
            case <= 4:
                var (fails, cancels, force) = _network.At(() => (_random.Next(_restarts > 0 ? 3 : 8) == 0, _random.Next(10) == 0, _random.Next(2) == 0));
                if (_network.At(() => disk.Finish(_random.Next(2), fails, cancels, cancels && force)) && _network.At(() => _random.Next(3) != 0))
                {
                    Ask();
                }

                break;
            case 5 when _network.At(() => _random.Next(4) == 0):
                _network.At(() =>
                {
                    disk.Restart();
                    return _network.Note($"disk {disk.Id} restarts by itself");
                });
                Ask();
                break;
            case 6 when _network.At(() => _random.Next(4) == 0):
                var group = _network.At(() => _coordinators.Starts[_random.Next(_coordinators.Starts.Count)].Group);
                _network.At(() => _network.Note($"the coordinator of {group} restarts"));
                await _coordinators.RestartAsync(group);
                break;
            case 7:
                _network.DeliverLate();
                break;
            case 8 when _network.At(() => _random.Next(6) == 0):
                var isForced = _network.At(() => _random.Next(2) == 0);
                _coordinators.Tell(g => new GroupCommand.Cancel(isForced) { Group = g });
                break;
            case 9 when _network.At(() => _random.Next(3) == 0):
                _coordinators.Tell(g => new GroupCommand.Complete { Group = g });
                break;
            case 10 when _network.At(() => _random.Next(4) == 0):
                if (_network.At(() => _random.Next(2) == 0))
                {
                    _network.At(() =>
                    {
                        _disks.Values.ToList().ForEach(d => d.Stop());
                        return _network.Note("the node is being stopped");
                    });
                    Pass(Second);
                    await _coordinators.SettleAsync();
                }

                await RestartAllAsync();
                break;
            default:
                Pass(Second);
                break;
        }
    }

    /// <summary>Disks that have a part ask what became of it, as they do when they are opened.</summary>
    private void Ask()
    {
        var asked = _network.At(() => _disks.Values.SelectMany(d => d.State.Groups.Keys).ToHashSet());
        _coordinators.Tell(asked.Contains, g => new GroupCommand.Look { Group = g });
    }

    private void Pass(TimeSpan time)
    {
        _network.At(() =>
        {
            _clock.Advance(time);
            _disks.Values.Where(d => d.IsReserved).ToList().ForEach(d =>
            {
                if (time > Second)
                {
                    d.ExpireHold();
                }

                d.ExpireReservation(ReservationLimit);
            });
            return true;
        });
        ((TestScheduler)_system.Scheduler).Advance(time);
    }

    private static bool IsQuiet(DiskDouble disk) => !disk.IsReserved && disk.State.Groups.IsEmpty;

    private string? Violation()
    {
        if (_network.Failure is { } failure)
        {
            return failure.ToString();
        }

        if (_disks.Values.Select(d => d.Broken).FirstOrDefault(b => b is not null) is { } broken)
        {
            return broken;
        }

        if (_disks.Values.FirstOrDefault(d => !IsQuiet(d) || d.State.Bitmaps.Values.Any(b => b.BusyWith is not null || b.Group is not null)) is { } busy)
        {
            return $"disk {busy.Id} is not let go: {string.Join(", ", busy.State.Groups.Values)}";
        }

        if (Begun.GroupBy(s => s.RetryOf).FirstOrDefault(s => s.Count() > 1) is { } twice)
        {
            return $"group {twice.Key} was started again {twice.Count()} times";
        }

        return _coordinators.Starts.Select(s => WrongEnd(s.Group)).FirstOrDefault(v => v is not null) ?? WrongBitmaps();
    }

    private string? WrongEnd(GroupId group)
    {
        var decisions = DecisionsOf(group);
        if (decisions.Count > 1)
        {
            return $"disks ended group {group} differently: {string.Join(", ", decisions)}";
        }

        if (decisions.Count == 0)
        {
            return null;
        }

        var (decision, begun) = (decisions[0], decisions[0] != GroupDecision.Undo);
        if (begun && _disks.Values.FirstOrDefault(d => !d.Instants.ContainsKey(group)) is { } without)
        {
            return $"group {group} began without disk {without.Id}";
        }

        if (begun && _disks.Values.Max(d => d.Instants[group].Held) >= _disks.Values.Min(d => d.Instants[group].Taken))
        {
            return $"group {group} began without a moment at which all disks held their writes";
        }

        foreach (var (disk, lent) in _disks.Values.Where(_ => begun).SelectMany(d => d.Borrowed.GetValueOrDefault(group, []).Select(l => (d, l))))
        {
            var (held, taken) = _disks[lent.Loan.Address.Disk].Instants[group];
            if (lent.Dirty[0].Offset < held || lent.Dirty[0].Offset > taken)
            {
                return $"disk {disk.Id} merged a bitmap of disk {lent.Loan.Address.Disk} that was not as at the instant of group {group}";
            }
        }

        if (decision != GroupDecision.Abort && _coordinators.Starts.FirstOrDefault(s => s.RetryOf == group) is { } next)
        {
            return $"group {group} did not fail ({decision}), and {next.Group} does its work again";
        }

        foreach (var disk in _disks.Values)
        {
            var outcomes = disk.Outcomes.Values.Where(o => o.Group == group).Select(o => o.Outcome).ToList();
            if (decision == GroupDecision.Commit && outcomes.Exists(o => o != JobOutcome.Success))
            {
                return $"the group committed, and disk {disk.Id} did not: {string.Join(", ", disk.Outcomes)}";
            }

            if (decision is not (GroupDecision.Commit or GroupDecision.Start) && outcomes.Contains(JobOutcome.Success))
            {
                return $"the group did not succeed, and disk {disk.Id} did: {string.Join(", ", disk.Outcomes)}";
            }

            if (decision == GroupDecision.Undo && disk.State.Jobs.Values.Any(j => j.Spec.Group == group))
            {
                return $"the group never began, and disk {disk.Id} still knows its jobs";
            }
        }

        return null;
    }

    /// <summary>What did not succeed leaves nothing, not even a bitmap that was made for its jobs.</summary>
    private string? WrongBitmaps()
    {
        var isChanged = _coordinators.Starts.Any(s => DecisionsOf(s.Group).Any(d => d is GroupDecision.Commit or GroupDecision.Start));
        foreach (var disk in _disks.Values)
        {
            var isAsBefore = disk.State.Bitmaps.Values.OrderBy(b => b.Name).SequenceEqual(disk.Before.Bitmaps.Values.OrderBy(b => b.Name));
            var alters = _start.Actions.Any(a =>
                a.Disk == disk.Id && a is DiskCommand.AddBitmap or DiskCommand.ClearBitmap or DiskCommand.MergeBitmaps or DiskCommand.StartBackup { Order.Sync: SyncMode.Auto });
            if (isAsBefore == (isChanged && alters))
            {
                return $"at the end the bitmaps of disk {disk.Id} are {(isAsBefore ? "as before" : "others")}: {string.Join(", ", disk.State.Bitmaps.Values)}";
            }
        }

        return null;
    }
}
