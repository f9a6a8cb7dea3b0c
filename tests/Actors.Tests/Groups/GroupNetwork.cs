using ActorBackup.Actors.Groups;
using ActorBackup.Core.Identity;
using ActorBackup.Messages.Disks;
using ActorBackup.Messages.Groups;

namespace ActorBackup.Actors.Tests.Groups;

/// <summary>Between a coordinator and its disks: requests and answers are lost, late, twice and out of order, as the seed says. Disks restart in between, and the coordinator dies.</summary>
internal sealed class GroupNetwork(Random random, IReadOnlyDictionary<DiskId, DiskDouble> disks)
{
    private readonly Lock _lock = new();
    private readonly List<object> _late = [];
    private readonly Dictionary<GroupId, (int Incarnation, TaskCompletionSource Death)> _coordinators = [];

    /// <summary>Per mille.</summary>
    public required FaultRates Rates { get; set; }

    /// <summary>Messages of which the coordinator that sends them never hears an answer, because it dies.</summary>
    public Predicate<object> Kills { get; set; } = _ => false;

    /// <summary>A disk did not bear a message: the test is wrong, not the group.</summary>
    public Exception? Failure { get; private set; }

    /// <summary>What happened, for whoever looks at a seed that failed.</summary>
    public List<string> Trace { get; } = [];

    public bool HasLate
    {
        get
        {
            lock (_lock)
            {
                return _late.Count > 0;
            }
        }
    }

    /// <summary>For the next incarnation of a group's coordinator; what the one before it still asks for is answered by nobody.</summary>
    public (IGroupMembers Members, Task Death) Connect(GroupId group)
    {
        lock (_lock)
        {
            var death = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            var incarnation = _coordinators.GetValueOrDefault(group).Incarnation + 1;
            _coordinators[group] = (incarnation, death);
            return (new Members(this, group, incarnation), death.Task);
        }
    }

    /// <summary>From a group's coordinator to that of the next group: asked or not, answered or not, and the one who asks may die.</summary>
    public async Task<GroupReply> AskNextAsync(GroupId from, Func<Task<GroupReply>> ask)
    {
        if (At(() => Happens(Rates.Loss)))
        {
            At(() => Note("lost: the start of the next group"));
            throw new TimeoutException("nobody answered");
        }

        if (At(() => Happens(Rates.Death)))
        {
            _ = ask();
            return await At(() => Die<GroupReply>(from));
        }

        var reply = await ask();
        return At(() => Happens(Rates.Loss)) ? throw new TimeoutException("nobody answered") : reply;
    }

    public bool Note(string what)
    {
        Trace.Add(what);
        return true;
    }

    /// <summary>Something happens to a disk, and nothing else meanwhile.</summary>
    public T At<T>(Func<T> happens)
    {
        lock (_lock)
        {
            return happens();
        }
    }

    public void DeliverLate()
    {
        lock (_lock)
        {
            if (_late.Count > 0)
            {
                var which = random.Next(_late.Count);
                var message = _late[which];
                _late.RemoveAt(which);
                Deliver(message, "late ");
            }
        }
    }

    private Task<DiskReply> Ask(object message, GroupId group, int incarnation)
    {
        lock (_lock)
        {
            if (incarnation != _coordinators[group].Incarnation || _coordinators[group].Death.Task.IsCompleted)
            {
                return new TaskCompletionSource<DiskReply>().Task;
            }

            if (Happens(Rates.Late))
            {
                DeliverLate();
            }

            if (Happens(Rates.Restart))
            {
                var disk = disks.Values.ElementAt(random.Next(disks.Count));
                Trace.Add($"disk {disk.Id} restarts");
                disk.Restart();
            }

            if (Happens(Rates.Hold))
            {
                var disk = disks.Values.ElementAt(random.Next(disks.Count));
                Trace.Add($"the hold of disk {disk.Id} is over");
                disk.ExpireHold();
            }

            var isDead = Kills(message) || Happens(Rates.Death);
            if (Happens(Rates.Loss))
            {
                Trace.Add($"lost: {message}");
                return isDead ? Die<DiskReply>(group) : Lost();
            }

            if (Happens(Rates.Late))
            {
                Trace.Add($"to come late: {message}");
                _late.Add(message);
                return isDead ? Die<DiskReply>(group) : Lost();
            }

            var reply = Deliver(message, "");
            if (Happens(Rates.Twice))
            {
                _late.Add(message);
            }

            return isDead ? Die<DiskReply>(group) : Happens(Rates.Loss) ? Lost() : Task.FromResult(reply);
        }
    }

    private DiskReply Deliver(object message, string how)
    {
        var disk = disks[message is DiskCommand c ? c.Disk : ((DiskQuery)message).Disk];
        DiskReply reply;
        try
        {
            reply = disk.Handle(message);
        }
        catch (Exception e)
        {
            Failure ??= e;
            throw;
        }

        Trace.Add($"{how}{message.GetType().Name} {(message as DiskCommand.DecideGroup)?.Decision} at {disk.Id}: {(reply is DiskReply.GroupPart p ? p.View.Status : reply)}");
        return reply;
    }

    private Task<T> Die<T>(GroupId group)
    {
        Trace.Add($"the coordinator of {group} dies");
        _coordinators[group].Death.TrySetResult();
        return new TaskCompletionSource<T>().Task;
    }

    private static Task<DiskReply> Lost() => Task.FromException<DiskReply>(new TimeoutException("nobody answered"));

    private bool Happens(int perMille) => random.Next(1000) < perMille;

    private sealed class Members(GroupNetwork network, GroupId group, int incarnation) : IGroupMembers
    {
        public Task<DiskReply> AskAsync(DiskCommand command, TimeSpan patience) => network.Ask(command, group, incarnation);

        public Task<DiskReply> AskAsync(DiskQuery query, TimeSpan patience) => network.Ask(query, group, incarnation);
    }
}

/// <summary>Per mille of messages.</summary>
internal sealed record FaultRates(int Loss, int Late, int Twice, int Restart, int Hold, int Death)
{
    public static FaultRates None { get; } = new(0, 0, 0, 0, 0, 0);

    /// <summary>Some runs are quiet, so that groups begin; others are not.</summary>
    public static FaultRates Draw(Random random) =>
        new(Rate(random, 120), Rate(random, 150), Rate(random, 200), Rate(random, 60), Rate(random, 60), Rate(random, 100));

    private static int Rate(Random random, int most) => random.Next(3) == 0 ? random.Next(most) : random.Next(most / 8);
}
