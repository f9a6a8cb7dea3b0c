using ActorBackup.Actors.Groups;
using ActorBackup.Actors.Tests.Jobs;
using ActorBackup.Core.Identity;
using ActorBackup.Messages;
using ActorBackup.Messages.Catalog;
using ActorBackup.Messages.Groups;
using Akka.Actor;

namespace ActorBackup.Actors.Tests.Groups;

/// <summary>The coordinators of one group and of those that it is started again as: they die and come back, as sharding and the node's start bring them back.</summary>
internal sealed class GroupCoordinators(ActorSystem system, GroupNetwork network, ManualClock clock, GroupGuards guards)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly Lock _lock = new();
    private readonly Dictionary<GroupId, GroupCommand.Start> _starts = [];
    private readonly Dictionary<GroupId, (IActorRef Actor, Task Death)> _alive = [];
    private readonly IActorRef _catalog = system.ActorOf(Props.Create(() => new Register()));

    /// <summary>What was asked for, in the order in which it was.</summary>
    public IReadOnlyList<GroupCommand.Start> Starts
    {
        get
        {
            lock (_lock)
            {
                return [.. _starts.Values];
            }
        }
    }

    public void Start(GroupCommand.Start start) => Known(start).Tell(start, ActorRefs.NoSender);

    /// <summary>To every coordinator that is there.</summary>
    public void Tell(Func<GroupId, GroupCommand> command) => Tell(g => IsAlive(new GroupId(g)), command);

    /// <summary>To those that are meant; one that is not there comes to be, as by sharding.</summary>
    public void Tell(Func<string, bool> isMeant, Func<GroupId, GroupCommand> command)
    {
        foreach (var start in Starts.Where(s => isMeant(s.Group.Value)))
        {
            Alive(start.Group).Actor.Tell(command(start.Group), ActorRefs.NoSender);
        }
    }

    /// <summary>Until no coordinator has anything to do; those that die are followed by the next incarnation.</summary>
    public async Task SettleAsync()
    {
        while (true)
        {
            // The same group again is answered when its turn comes, and changes nothing.
            var turns = Starts.Where(s => IsAlive(s.Group)).Select(s => TurnAsync(s)).ToList();
            await Task.WhenAny(Task.WhenAll(turns), AnyDeath());
            var dead = Dead();
            if (dead.Count == 0)
            {
                return;
            }

            foreach (var group in dead)
            {
                await RestartAsync(group);
            }
        }
    }

    public async Task RestartAsync(GroupId group)
    {
        await StopAsync(group);
        Alive(group);
    }

    /// <summary>The node starts once more: groups that are registered as unfinished are woken, others only when somebody speaks with them.</summary>
    public async Task RestartAllAsync()
    {
        foreach (var start in Starts)
        {
            await StopAsync(start.Group);
        }

        foreach (var start in Starts)
        {
            if (!await IsConcludedAsync(start.Group))
            {
                Alive(start.Group).Actor.Tell(new GroupCommand.Wake { Group = start.Group }, ActorRefs.NoSender);
            }
        }
    }

    public async Task<bool> AreConcludedAsync()
    {
        foreach (var start in Starts)
        {
            if (!await IsConcludedAsync(start.Group))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Null of a group that never began.</summary>
    public async Task<GroupView?> ViewAsync(GroupId group) =>
        (await Alive(group).Actor.Ask<GroupReply>(new GroupCommand.Get { Group = group }, Patience) as GroupReply.Group)?.View;

    /// <summary>Why the group did not begin; null when it did.</summary>
    public async Task<Refusal?> WhyNotBegunAsync(GroupCommand.Start start) =>
        (await Alive(start.Group).Actor.Ask<GroupReply>(start, Patience) as GroupReply.Rejected)?.Refusal;

    public void Stop()
    {
        system.Stop(_catalog);
        foreach (var (actor, _) in _alive.Values)
        {
            system.Stop(actor);
        }
    }

    private static async Task<bool> TurnOf(Task<GroupReply> turn, Task death) => await Task.WhenAny(turn, death) == turn;

    private Task<bool> TurnAsync(GroupCommand.Start start)
    {
        var (actor, death) = Alive(start.Group);
        return TurnOf(actor.Ask<GroupReply>(start, Patience), death);
    }

    private Task AnyDeath()
    {
        lock (_lock)
        {
            return Task.WhenAny(_alive.Values.Select(a => a.Death).Append(Task.Delay(Timeout.Infinite)));
        }
    }

    private List<GroupId> Dead()
    {
        lock (_lock)
        {
            return [.. _alive.Where(a => a.Value.Death.IsCompleted).Select(a => a.Key)];
        }
    }

    private bool IsAlive(GroupId group)
    {
        lock (_lock)
        {
            return _alive.ContainsKey(group);
        }
    }

    private Task<bool> IsConcludedAsync(GroupId group) => _catalog.Ask<bool>(new Register.Get(group), Patience);

    private IActorRef Known(GroupCommand.Start start)
    {
        lock (_lock)
        {
            _starts.TryAdd(start.Group, start);
        }

        return Alive(start.Group).Actor;
    }

    private (IActorRef Actor, Task Death) Alive(GroupId group)
    {
        lock (_lock)
        {
            if (!_alive.TryGetValue(group, out var alive))
            {
                var (members, death) = network.Connect(group);
                var catalog = _catalog;
                Func<GroupCommand.Start, Task<GroupReply>> next = start => network.AskNextAsync(group, () => AskAsync(start));
                alive = (system.ActorOf(Props.Create(() => new GroupActor(group, members, next, catalog, clock, guards))), death);
                _alive[group] = alive;
            }

            return alive;
        }
    }

    /// <summary>Nobody answers when the next group's coordinator dies meanwhile.</summary>
    private async Task<GroupReply> AskAsync(GroupCommand.Start start)
    {
        var actor = Known(start);
        var reply = actor.Ask<GroupReply>(start, Patience);
        return await TurnOf(reply, Alive(start.Group).Death) ? await reply : throw new TimeoutException("nobody answered");
    }

    private async Task StopAsync(GroupId group)
    {
        (IActorRef Actor, Task Death) stopped;
        lock (_lock)
        {
            if (!_alive.TryGetValue(group, out stopped))
            {
                return;
            }
        }

        await stopped.Actor.GracefulStop(Patience);
        lock (_lock)
        {
            _alive.Remove(group);
        }
    }

    /// <summary>Says yes, and remembers which groups are over.</summary>
    private sealed class Register : ReceiveActor
    {
        private readonly HashSet<GroupId> _concluded = [];

        public Register()
        {
            Receive<CatalogCommand.RegisterGroup>(_ => Sender.Tell(new CatalogReply.Done()));
            Receive<CatalogCommand.ConcludeGroup>(c => _concluded.Add(c.Group));
            Receive<Get>(g => Sender.Tell(_concluded.Contains(g.Group)));
        }

        public sealed record Get(GroupId Group);
    }
}
