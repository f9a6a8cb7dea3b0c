using ActorBackup.Actors.Groups;
using ActorBackup.Actors.Tests.Jobs;
using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Identity;
using ActorBackup.Core.Jobs;
using ActorBackup.Messages.Catalog;
using ActorBackup.Messages.Disks;
using ActorBackup.Messages.Groups;
using Akka.Actor;
using Akka.TestKit;

namespace ActorBackup.Actors.Tests.Groups;

/// <summary>One group under one seed: it begins or not, its jobs copy, fail and are cancelled, everybody dies at some time; then the faults stop, and everything must be over and whole.</summary>
internal sealed class GroupLife
{
    private const int StepsMax = 60;
    private const int QuietRoundsMax = 300;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan ReservationLimit = TimeSpan.FromSeconds(60);

    private readonly ActorSystem _system;
    private readonly GroupGuards _guards;
    private readonly Random _random;
    private readonly GroupId _group;
    private readonly ManualClock _clock = new();
    private readonly Dictionary<DiskId, DiskDouble> _disks = [];
    private readonly GroupNetwork _network;
    private readonly IActorRef _catalog;
    private readonly GroupCommand.Start _start;
    private long _tick;
    private IActorRef _coordinator = ActorRefs.Nobody;

    private GroupLife(ActorSystem system, ulong seed, GroupGuards guards, DiskGuards diskGuards)
    {
        (_system, _guards, _random) = (system, guards, new Random((int)seed));
        _group = new GroupId($"{Guid.NewGuid():n}");
        foreach (var id in new[] { "a", "b", "c" }.Take(1 + _random.Next(3)).Select(d => new DiskId(d)))
        {
            _disks.Add(id, new DiskDouble(id, diskGuards, () => _clock.GetUtcNow(), () => ++_tick));
        }

        _start = new GroupCommand.Start(_random.Next(4) == 0 ? GroupCompletion.Individual : GroupCompletion.Grouped, [.. _disks.Keys.SelectMany(ActionsOf)]) { Group = _group };
        _network = new GroupNetwork(_random, _disks) { Rates = FaultRates.Draw(_random) };
        _catalog = system.ActorOf(Props.Create(() => new Register()));
    }

    /// <returns>The promise that was broken, with what happened before, null = none; and what the group's disks were told.</returns>
    public static async Task<(string? Violation, GroupDecision Decision)> RunAsync(ActorSystem system, ulong seed, GroupGuards guards, DiskGuards diskGuards)
    {
        var life = new GroupLife(system, seed, guards, diskGuards);
        try
        {
            var violation = await life.RunAsync();
            return (violation is null ? null : $"seed {seed}: {violation}\n  {string.Join("\n  ", life._network.Trace)}", life.Decisions.Count > 0 ? life.Decisions[0] : GroupDecision.Undo);
        }
        finally
        {
            system.Stop(life._catalog);
            system.Stop(life._coordinator);
        }
    }

    private IReadOnlyList<GroupDecision> Decisions => [.. _disks.Values.Select(d => d.Decision).OfType<GroupDecision>().Distinct()];

    private IEnumerable<DiskCommand> ActionsOf(DiskId disk)
    {
        if (_random.Next(3) == 0)
        {
            yield return new DiskCommand.ClearBitmap("y") { Disk = disk };
        }

        var order = new BackupOrder { Repository = new RepositoryName("main"), RepositoryId = "repo-id", Sync = SyncMode.Full, AutoFinalize = _random.Next(6) != 0 };
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
            yield return new DiskCommand.StartBackup(order) { Disk = disk };
        }
    }

    private async Task<string?> RunAsync()
    {
        Incarnate();
        _coordinator.Tell(_start, ActorRefs.NoSender);
        for (var step = 0; step < StepsMax; step++)
        {
            await SettleAsync();
            await StepAsync();
        }

        _network.At(() => _network.Rates = FaultRates.None);
        for (var round = 0; round < QuietRoundsMax; round++)
        {
            await SettleAsync();
            _network.DeliverLate();
            if (_network.At(() => _disks.Values.Any(d => d.Finish(0, false, false, false))))
            {
                _coordinator.Tell(new GroupCommand.Look { Group = _group }, ActorRefs.NoSender);
            }

            if (round == QuietRoundsMax / 2)
            {
                // A person ends what waits for him; disks that restart ask.
                _coordinator.Tell(_random.Next(2) == 0 ? new GroupCommand.Complete { Group = _group } : new GroupCommand.Cancel(false) { Group = _group }, ActorRefs.NoSender);
            }

            Pass(round % 10 == 9 ? ReservationLimit : Second);
            if (round == QuietRoundsMax * 3 / 4)
            {
                await RestartAllAsync();
            }

            if (round > QuietRoundsMax / 2 && !_network.HasLate && _network.At(() => _disks.Values.All(IsQuiet)) && await IsConcludedAsync())
            {
                break;
            }
        }

        await SettleAsync();
        return _network.At(Violation) ?? (await IsConcludedAsync() ? null : "the group is not over");
    }

    /// <summary>The node starts once more: groups that are registered as unfinished are woken, and disks that have a part ask.</summary>
    private async Task RestartAllAsync()
    {
        _network.At(() =>
        {
            _disks.Values.ToList().ForEach(d => d.Restart());
            return true;
        });
        await _coordinator.GracefulStop(Patience);
        Incarnate();
        Ask();
        if (!await IsConcludedAsync())
        {
            _coordinator.Tell(new GroupCommand.Wake { Group = _group }, ActorRefs.NoSender);
        }
    }

    private async Task StepAsync()
    {
        var disk = _network.At(() => _disks.Values.ElementAt(_random.Next(_disks.Count)));
        switch (_network.At(() => _random.Next(14)))
        {
            case <= 4:
                var (fails, cancels, force) = _network.At(() => (_random.Next(8) == 0, _random.Next(10) == 0, _random.Next(2) == 0));
                if (_network.At(() => disk.Finish(_random.Next(2), fails, cancels, cancels && force)) && _network.At(() => _random.Next(3) != 0))
                {
                    _coordinator.Tell(new GroupCommand.Look { Group = _group }, ActorRefs.NoSender);
                }

                break;
            case 5 when _network.At(() => _random.Next(4) == 0):
                _network.At(() =>
                {
                    _network.Trace.Add($"disk {disk.Id} restarts by itself");
                    disk.Restart();
                    return true;
                });
                Ask();
                break;
            case 6 when _network.At(() => _random.Next(4) == 0):
                _network.At(() =>
                {
                    _network.Trace.Add("the coordinator restarts");
                    return true;
                });
                await _coordinator.GracefulStop(Patience);
                Incarnate();
                break;
            case 7:
                _network.DeliverLate();
                break;
            case 8 when _network.At(() => _random.Next(6) == 0):
                _coordinator.Tell(new GroupCommand.Cancel(_network.At(() => _random.Next(2) == 0)) { Group = _group }, ActorRefs.NoSender);
                break;
            case 9 when _network.At(() => _random.Next(3) == 0):
                _coordinator.Tell(new GroupCommand.Complete { Group = _group }, ActorRefs.NoSender);
                break;
            default:
                Pass(Second);
                break;
        }
    }

    /// <summary>Disks that have a part ask what became of it, as they do when they are opened.</summary>
    private void Ask()
    {
        if (_network.At(() => _disks.Values.Any(d => d.State.Groups.Count > 0)))
        {
            _coordinator.Tell(new GroupCommand.Look { Group = _group }, ActorRefs.NoSender);
        }
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

    private void Incarnate()
    {
        var members = _network.Connect();
        var (group, catalog, clock, guards) = (_group, _catalog, _clock, _guards);
        _coordinator = _system.ActorOf(Props.Create(() => new GroupActor(group, members, catalog, clock, guards)));
    }

    /// <summary>Until the coordinator has nothing to do, or is dead, which the next one mends.</summary>
    private async Task SettleAsync()
    {
        while (true)
        {
            // The same group again is refused when its turn comes, and changes nothing.
            var turn = _coordinator.Ask<GroupReply>(_start, Patience);
            var death = _network.Death.Task;
            if (await Task.WhenAny(turn, death) == turn && !death.IsCompleted)
            {
                await turn;
                return;
            }

            await _coordinator.GracefulStop(Patience);
            Incarnate();
        }
    }

    private static bool IsQuiet(DiskDouble disk) => !disk.IsReserved && disk.State.Groups.IsEmpty;

    private async Task<bool> IsConcludedAsync() => await _catalog.Ask<bool>(new Register.Get(), Patience);

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

        if (Decisions.Count > 1)
        {
            return $"disks ended differently: {string.Join(", ", Decisions)}";
        }

        if (_disks.Values.FirstOrDefault(d => !IsQuiet(d) || d.State.Bitmaps.Values.Any(b => b.BusyWith is not null || b.Group is not null)) is { } busy)
        {
            return $"disk {busy.Id} is not let go: {string.Join(", ", busy.State.Groups.Values)}";
        }

        return Decisions.Count == 0 ? null : WrongEnd(Decisions[0]);
    }

    private string? WrongEnd(GroupDecision decision)
    {
        var begun = decision != GroupDecision.Undo;
        if (begun && _disks.Values.FirstOrDefault(d => d.Instant is null) is { } without)
        {
            return $"the group began without disk {without.Id}";
        }

        if (begun && _disks.Values.Max(d => d.Instant!.Value.Held) >= _disks.Values.Min(d => d.Instant!.Value.Taken))
        {
            return "the group began without a moment at which all disks held their writes";
        }

        foreach (var disk in _disks.Values)
        {
            var outcomes = disk.Outcomes.Values.ToList();
            var isAsBefore = disk.State.Bitmaps.Values.OrderBy(b => b.Name).SequenceEqual(disk.Before.Bitmaps.Values.OrderBy(b => b.Name));
            var isChanged = decision is GroupDecision.Commit or GroupDecision.Start;
            if (decision == GroupDecision.Commit && outcomes.Exists(o => o != JobOutcome.Success))
            {
                return $"the group committed, and disk {disk.Id} did not: {string.Join(", ", disk.Outcomes)}";
            }

            if (!isChanged && outcomes.Contains(JobOutcome.Success))
            {
                return $"the group did not succeed, and disk {disk.Id} did: {string.Join(", ", disk.Outcomes)}";
            }

            if (decision == GroupDecision.Undo && !disk.State.Jobs.IsEmpty)
            {
                return $"the group never began, and disk {disk.Id} still knows its jobs";
            }

            var alters = _start.Actions.Any(a => a.Disk == disk.Id && a is DiskCommand.AddBitmap or DiskCommand.ClearBitmap);
            if (isAsBefore == (isChanged && alters))
            {
                return $"after {decision} the bitmaps of disk {disk.Id} are {(isAsBefore ? "as before" : "others")}: {string.Join(", ", disk.State.Bitmaps.Values)}";
            }
        }

        return null;
    }

    /// <summary>Says yes, and remembers that the group is over.</summary>
    private sealed class Register : ReceiveActor
    {
        private bool _isConcluded;

        public Register()
        {
            Receive<CatalogCommand.RegisterGroup>(_ => Sender.Tell(new CatalogReply.Done()));
            Receive<CatalogCommand.ConcludeGroup>(_ => _isConcluded = true);
            Receive<Get>(_ => Sender.Tell(_isConcluded));
        }

        public sealed record Get;
    }
}
