using ActorBackup.Messages;
using Akka.Actor;
using Akka.Event;
using Akka.Persistence;

namespace ActorBackup.Actors.Persistence;

/// <summary>An actor whose state is its journal: decide, persist, apply, then act.</summary>
/// <remarks>
/// State changes only in <see cref="Apply"/>, live as in recovery. One command is carried out at a time, also across the work it starts in the
/// data plane: commands that arrive meanwhile are stashed (at most <see cref="StashCapacity"/>, then refused), queries are answered.
/// A reply is sent only after every event of its command is durable.
/// </remarks>
public abstract class EventSourcedActor<TEvent, TState> : UntypedPersistentActor
    where TEvent : class
{
    public const int StashCapacity = 1000;

    private IActorRef? _caller;
    private bool _isBusy;
    private int _stashed;

    protected EventSourcedActor(string persistenceId, TState empty)
    {
        PersistenceId = persistenceId;
        State = empty;
    }

    public override string PersistenceId { get; }

    protected TState State { get; private set; }

    protected abstract TState Apply(TState state, TEvent e);

    /// <summary>A command: it ends, sooner or later, in exactly one Finish; what is none, in <see cref="Ignore"/>.</summary>
    protected abstract void Carry(object command);

    /// <summary>Answers or handles what may come at any time. False = it is a command.</summary>
    protected abstract bool Notice(object message);

    /// <summary>The reply for a refusal.</summary>
    protected abstract object Rejected(Refusal refusal);

    /// <summary>After the journal was replayed: re-creates effects from the state.</summary>
    protected abstract void ResumeEffects();

    protected sealed override void OnRecover(object message)
    {
        switch (message)
        {
            case TEvent e:
                State = Apply(State, e);
                break;
            case RecoveryCompleted:
                ResumeEffects();
                break;
            case SnapshotOffer:
                throw new NotSupportedException("Snapshots were written by a newer version.");
        }
    }

    protected sealed override void OnCommand(object message)
    {
        switch (message)
        {
            case WorkEnded ended:
                ended.Continue();
                break;
            case var _ when Notice(message):
                break;
            case var _ when _isBusy && _stashed >= StashCapacity:
                Sender.Tell(Rejected(new Refusal(RefusalCode.Busy, "too many commands are waiting; try again")), Self);
                break;
            case var _ when _isBusy:
                _stashed++;
                Stash.Stash();
                break;
            default:
                _isBusy = true;
                _caller = Sender;
                Carry(message);
                break;
        }
    }

    /// <summary>Persists all of them, then goes on. Goes on at once when there is none.</summary>
    protected void Record(IReadOnlyCollection<TEvent> events, Action then)
    {
        if (events.Count == 0)
        {
            then();
            return;
        }

        var left = events.Count;
        PersistAll(events, e =>
        {
            State = Apply(State, e);
            if (--left == 0)
            {
                then();
            }
        });
    }

    /// <summary>Runs work in the data plane and comes back to the actor with its result. Nothing of the actor may be touched inside.</summary>
    protected void Work<T>(Func<Task<T>> work, Action<T> then, Action<Exception> otherwise)
    {
        var self = Self;
        Task.Run(work).ContinueWith(
            t => self.Tell(new WorkEnded(() =>
            {
                if (t.IsCompletedSuccessfully)
                {
                    then(t.Result);
                }
                else
                {
                    otherwise(t.Exception?.InnerException ?? new OperationCanceledException());
                }
            }), ActorRefs.NoSender),
            TaskScheduler.Default);
    }

    /// <summary>Ends the command with its reply and lets the next one in.</summary>
    protected void Finish(object reply)
    {
        Answer(reply);
        Finish();
    }

    /// <summary>Answers the command without ending it: the next one waits until <see cref="Finish()"/>.</summary>
    protected void Answer(object reply)
    {
        _caller?.Tell(reply, Self);
        _caller = null;
    }

    protected void Finish()
    {
        _caller = null;
        _isBusy = false;
        _stashed = 0;
        Stash.UnstashAll();
    }

    /// <summary>Ends what is no command here, a newer node's perhaps. To fail over it would interrupt all that runs here.</summary>
    protected void Ignore(object message)
    {
        Log.Error("{0} cannot do anything with {1}", PersistenceId, message.GetType().FullName);
        Finish();
    }

    /// <summary>Carries out work that no caller asked for as if it were a command.</summary>
    protected void Occupy()
    {
        _isBusy = true;
        _caller = null;
    }

    protected override void OnPersistRejected(Exception cause, object @event, long sequenceNr)
    {
        // As bad as a failure: the event is not there. Stop, so that the next incarnation starts from what is.
        Log.Error(cause, "The journal refused {0} of {1}", @event.GetType().Name, PersistenceId);
        Context.Stop(Self);
    }

    private sealed record WorkEnded(Action Continue);
}
