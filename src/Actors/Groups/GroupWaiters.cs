using ActorBackup.Messages.Groups;
using Akka.Actor;

namespace ActorBackup.Actors.Groups;

/// <summary>Who waits until a group has ended or needs a person.</summary>
internal sealed class GroupWaiters
{
    private readonly List<IActorRef> _waiting = [];

    public void Add(IActorRef waiter) => _waiting.Add(waiter);

    /// <summary>Answers everybody, if waiting longer would not change it.</summary>
    public void Tell(GroupView view, IActorRef self)
    {
        if (view.IsSettled)
        {
            _waiting.ForEach(w => w.Tell(new GroupReply.Group(view), self));
            _waiting.Clear();
        }
    }

    /// <summary>Answers one that has waited for long enough.</summary>
    public void Expire(IActorRef waiter, GroupView view, IActorRef self)
    {
        if (_waiting.Remove(waiter))
        {
            waiter.Tell(new GroupReply.Group(view), self);
        }
    }
}
