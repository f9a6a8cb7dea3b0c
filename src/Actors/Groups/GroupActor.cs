using System.Security.Cryptography;
using ActorBackup.Actors.Persistence;
using ActorBackup.Core.Identity;
using ActorBackup.Domain.Groups;
using ActorBackup.Messages;
using ActorBackup.Messages.Catalog;
using ActorBackup.Messages.Groups;
using Akka.Actor;

namespace ActorBackup.Actors.Groups;

/// <summary>Coordinates one group: one instant for all its disks, and one outcome where they share it.</summary>
/// <remarks>
/// Its journal has few words: created, begun or refused, decided, ended. "Begun" is persisted when every disk took the instant; before, no job settles, and a
/// coordinator that died undoes everything. The first decision that is persisted stays, and every disk is told of it until it says that it is carried out.
/// A failed group that is to be started again is so by its own coordinator: the new group's id is persisted before anybody hears of it, and asked for until
/// it is known whether that group began.
/// </remarks>
internal sealed class GroupActor(
    GroupId id, IGroupMembers members, Func<GroupCommand.Start, Task<GroupReply>> startGroup, IActorRef catalog, TimeProvider clock, GroupGuards guards)
    : EventSourcedActor<GroupEvent, GroupState>($"group-{id}", GroupState.Empty), IWithTimers
{
    private static readonly TimeSpan RoundPeriod = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan CatalogPatience = TimeSpan.FromSeconds(10);

    private readonly GroupWaiters _waiters = new();
    private bool _isPending;
    private bool _isLookDue;

    /// <summary>How often this process put the restart off without using up a try.</summary>
    private int _postponed;

    public ITimerScheduler Timers { get; set; } = null!;

    protected override GroupState Apply(GroupState state, GroupEvent e) => GroupState.Apply(state, e);

    protected override object Rejected(Refusal refusal) => new GroupReply.Rejected(refusal);

    protected override bool Notice(object message)
    {
        switch (message)
        {
            case GroupCommand.Get:
                Sender.Tell(State is { Exists: true, IsRefused: false } ? new GroupReply.Group(View()) : Rejected(GroupDecider.Unknown(id)), Self);
                return true;
            case GroupCommand.Await c:
                Await(c);
                return true;
            case WaitExpired w:
                _waiters.Expire(w.Waiter, View(), Self);
                return true;
            case GroupCommand.Look when _isLookDue:
                return true;
            case GroupCommand.Look:
                // One is enough, however many disks say that something changed.
                _isLookDue = true;
                Self.Tell(new Round(), ActorRefs.NoSender);
                return true;
            default:
                return false;
        }
    }

    protected override void Carry(object command)
    {
        switch (command)
        {
            case GroupCommand.Start c:
                Start(c);
                break;
            case GroupCommand.Cancel c:
                Decide(GroupDecider.Cancel(State, c));
                break;
            case GroupCommand.Complete c:
                Work(
                    () => GroupRound.LookAsync(members, id, State.Disks),
                    parts => Decide(GroupDecider.Complete(State, c, parts)),
                    e => Finish(Rejected(Failures.Explain(e))));
                break;
            case GroupCommand.Wake or Round:
                _isLookDue = false;
                Look();
                break;
            case RestartDue:
                Restart();
                break;
            default:
                Ignore(command);
                break;
        }
    }

    protected override void ResumeEffects()
    {
        if (State is { Exists: true, IsConcluded: false })
        {
            Self.Tell(new Round(), ActorRefs.NoSender);
        }
        else if (State.Trying is not null)
        {
            // The next group may be there already.
            Self.Tell(new RestartDue(), ActorRefs.NoSender);
        }
        else
        {
            ScheduleRestart();
        }
    }

    private GroupView View() => GroupDecider.ViewOf(State, id, _isPending);

    private void Await(GroupCommand.Await c)
    {
        if (State is not { Exists: true, IsRefused: false })
        {
            Sender.Tell(Rejected(GroupDecider.Unknown(id)), Self);
        }
        else if (View().IsSettled || c.Timeout <= TimeSpan.Zero)
        {
            Sender.Tell(new GroupReply.Group(View()), Self);
        }
        else
        {
            _waiters.Add(Sender);
            var expired = new WaitExpired(Sender);
            Timers.StartSingleTimer(expired, expired, c.Timeout);
        }
    }

    private void Start(GroupCommand.Start c)
    {
        if (State.Exists)
        {
            Repeat();
            return;
        }

        var decision = GroupDecider.Create(State, c, clock.Now());
        if (decision.Refusal is { } refusal)
        {
            Finish(Rejected(refusal));
            return;
        }

        Record(decision.Events, () =>
        {
            var disks = State.Disks;
            Work(
                async () =>
                {
                    await catalog.Ask<CatalogReply>(new CatalogCommand.RegisterGroup(id), CatalogPatience).ConfigureAwait(false);
                    var parts = await new GroupOpening(id, members, clock, guards).RunAsync(c, disks).ConfigureAwait(false);
                    return guards.BegunBeforeEnds || c.Completion == GroupCompletion.Grouped
                        ? parts
                        : await GroupRound.DecideAsync(members, id, GroupDecision.Start, disks).ConfigureAwait(false);
                },
                Begin,
                e => Refuse(Failures.Explain(e)));
        });
    }

    /// <summary>Whoever asks again hears what became of the group.</summary>
    private void Repeat()
    {
        if (State is { HasBegun: false, Decision: null } && guards.UndoWhatDidNotBegin)
        {
            Record([Abandoned()], () =>
            {
                Answer(Rejected(GroupDecider.DidNotBegin(id, State)));
                Look();
            });
        }
        else
        {
            Finish(State.IsRefused ? Rejected(GroupDecider.DidNotBegin(id, State)) : new GroupReply.Group(View()));
        }
    }

    /// <summary>An earlier incarnation died while the group began: some disk may have taken the instant, none has settled anything.</summary>
    private GroupEvent.GroupRefused Abandoned() => new("its coordinator stopped while it began", clock.Now()) { IsPassing = true };

    private void Begin(IReadOnlyList<GroupPartView> parts)
    {
        var hold = parts.Select(p => p.Hold ?? TimeSpan.Zero).DefaultIfEmpty().Max();
        Record([new GroupEvent.GroupBegun([.. parts.SelectMany(p => p.Members)], hold, clock.Now())], () =>
        {
            Answer(new GroupReply.Group(View()));
            Look();
        });
    }

    private void Refuse(Refusal refusal) =>
        Record([new GroupEvent.GroupRefused(refusal.Message, clock.Now()) { IsPassing = refusal.IsPassing }], () =>
        {
            // Whoever asked hears of it when nothing is held any more: what he tries next must not find it busy.
            Work(
                () => GroupRound.DecideAsync(members, id, GroupDecision.Undo, State.Disks),
                parts =>
                {
                    Answer(Rejected(refusal));
                    NoteEnded(parts);
                },
                _ =>
                {
                    Answer(Rejected(refusal));
                    EndRound();
                });
        });

    private void Decide(Domain.Decision<GroupEvent> decision)
    {
        if (decision.Refusal is { } refusal)
        {
            Finish(Rejected(refusal));
            return;
        }

        Record(decision.Events, () =>
        {
            Answer(new GroupReply.Group(View()));
            Look();
        });
    }

    /// <summary>One round: asks the disks how far they are, or tells them what was decided, and draws what follows.</summary>
    private void Look()
    {
        if (State is { Exists: false })
        {
            Finish();
        }
        else if (State.IsConcluded)
        {
            // Somebody has missed that it is over.
            TellConcluded();
        }
        else if (State is { HasBegun: false, Decision: null } && !guards.UndoWhatDidNotBegin)
        {
            Begin([]);
        }
        else if (State is { HasBegun: false, Decision: null })
        {
            Record([Abandoned()], Look);
        }
        else if (State.Decision is { } decision)
        {
            Work(() => GroupRound.DecideAsync(members, id, decision, State.NotEnded), NoteEnded, _ => EndRound());
        }
        else
        {
            Work(() => GroupRound.LookAsync(members, id, State.Disks), Draw, _ => EndRound());
        }
    }

    private void Draw(IReadOnlyList<GroupPartView> parts)
    {
        if (GroupDecider.Decide(State, parts) is { } decided)
        {
            RecordDecision(decided, GroupDecider.IsUnwanted(parts) ? [new GroupEvent.GroupRestartDropped()] : []);
        }
        else if (!guards.EveryVote && parts.Any(p => p.Status == GroupPartStatus.Voted))
        {
            RecordDecision(new GroupEvent.GroupDecided(GroupDecision.Commit, null, false), []);
        }
        else if (State.NeedsPerson && GroupDecider.HasEveryVote(State, parts))
        {
            _isPending = true;
            Work(
                () => GroupRound.AwaitAsync(members, id, State.Disks),
                _ => EndRound(),
                _ => EndRound());
        }
        else
        {
            EndRound();
        }
    }

    private void RecordDecision(GroupEvent.GroupDecided decided, GroupEvent[] more)
    {
        if (guards.RememberDecision)
        {
            Record([decided, .. more], Look);
        }
        else
        {
            Work(() => GroupRound.DecideAsync(members, id, decided.Decision, State.Disks), _ => Record([decided], Look), _ => EndRound());
        }
    }

    /// <summary>A disk that knows nothing of the group has never had a part in it, or has left it because this coordinator said so.</summary>
    private void NoteEnded(IReadOnlyList<GroupPartView> parts)
    {
        var ended = parts.Where(p => p.Status is GroupPartStatus.Settled or GroupPartStatus.Unknown && !State.Ended.Contains(p.Disk)).ToList();
        Record([.. ended.Select(p => new GroupEvent.GroupPartEnded(p.Disk, p.Members))], () =>
        {
            var left = ended.Where(p => p.Status == GroupPartStatus.Settled).Select(p => p.Disk).ToList();
            Work(() => GroupRound.LeaveAsync(members, id, left), _ => ConcludeIfDone(), _ => ConcludeIfDone());
        });
    }

    private void ConcludeIfDone()
    {
        if ((guards.TellUntilEnded && State.NotEnded.Any()) || State.IsConcluded)
        {
            EndRound();
            return;
        }

        Record([new GroupEvent.GroupConcluded(clock.Now())], TellConcluded);
    }

    /// <summary>
    /// Every disk has carried the decision out. What still is there has missed that it may go, which keeps its decision, or came to be by a message that
    /// came late or twice: that never began.
    /// </summary>
    private void TellConcluded()
    {
        CloseOrRestart();
        Work(
            () => GroupRound.DecideAsync(members, id, GroupDecision.Undo, State.Disks),
            parts => Work(
                () => GroupRound.LeaveAsync(members, id, parts.Where(p => p.Status == GroupPartStatus.Settled).Select(p => p.Disk)),
                _ => Finish(),
                _ => Finish()),
            _ => Finish());
    }

    /// <summary>One that is to be started again is woken with its node, so it stays registered as unfinished.</summary>
    private void CloseOrRestart()
    {
        if (!GroupRestarts.IsDue(State) || !guards.RestartsAreAwaited)
        {
            catalog.Tell(new CatalogCommand.ConcludeGroup(id, State.IsRefused), ActorRefs.NoSender);
        }

        ScheduleRestart();
        _waiters.Tell(View(), Self);
    }

    private void ScheduleRestart()
    {
        if (GroupRestarts.IsDue(State) && !Timers.IsTimerActive(nameof(RestartDue)))
        {
            Timers.StartSingleTimer(nameof(RestartDue), new RestartDue(), GroupRestarts.BackOff(State, _postponed));
        }
    }

    /// <summary>Asks for the next group until it is known whether it began: the same id is the same group, so it begins once at most.</summary>
    private void Restart()
    {
        if (!GroupRestarts.IsDue(State))
        {
            Finish();
            return;
        }

        if (State.Trying is { } begun)
        {
            // It may be there already, whatever the disks are now.
            Try(begun);
            return;
        }

        // A disk that is not open yet costs no try, as it costs a job of its own none.
        Work(
            () => GroupRound.AreOpenAsync(members, State.Disks),
            areOpen =>
            {
                if (!GroupRestarts.IsDue(State))
                {
                    Finish();
                }
                else if (areOpen)
                {
                    Try(new GroupId(SortableId.Create(clock.Now(), RandomNumberGenerator.GetBytes(10))));
                }
                else
                {
                    Postpone();
                    Finish();
                }
            },
            _ =>
            {
                Postpone();
                Finish();
            });
    }

    private void Postpone()
    {
        _postponed++;
        ScheduleRestart();
    }

    private void Try(GroupId next)
    {
        Record(State.Trying is null && guards.RememberRestart ? [new GroupEvent.GroupRestartTried(next)] : [], () =>
        {
            var start = GroupRestarts.Order(State, id, next);
            Work(
                () => startGroup(start),
                reply => Record([EventOf(next, reply)], () =>
                {
                    _postponed += reply is GroupReply.Rejected { Refusal.IsPassing: true } ? 1 : 0;
                    CloseOrRestart();
                    Finish();
                }),
                _ =>
                {
                    ScheduleRestart();
                    Finish();
                });
        });
    }

    private static GroupEvent EventOf(GroupId next, GroupReply reply) =>
        reply is GroupReply.Rejected refused 
            ? new GroupEvent.GroupRestartRefused(next, refused.Refusal.Message) { IsPassing = refused.Refusal.IsPassing }
            : new GroupEvent.GroupRestarted(next);

    private void EndRound()
    {
        _waiters.Tell(View(), Self);
        if (!State.IsConcluded)
        {
            Timers.StartSingleTimer(nameof(Round), new Round(), RoundPeriod);
        }

        Finish();
    }

    private sealed record Round;

    private sealed record RestartDue;

    private sealed record WaitExpired(IActorRef Waiter);
}
