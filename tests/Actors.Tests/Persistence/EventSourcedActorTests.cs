using ActorBackup.Actors.Persistence;
using ActorBackup.Messages;
using Akka.Actor;
using Akka.TestKit.Xunit2;

namespace ActorBackup.Actors.Tests.Persistence;

public sealed class EventSourcedActorTests : TestKit
{
    private IActorRef Start(TaskCompletionSource<int>? work = null) => Sys.ActorOf(Props.Create(() => new Counter(work)));

    [Fact]
    public void State_is_what_the_journal_replays()
    {
        var first = Start();
        first.Tell(new Add(2), TestActor);
        first.Tell(new Add(3), TestActor);
        ExpectMsg(2);
        ExpectMsg(5);
        Watch(first);
        Sys.Stop(first);
        ExpectTerminated(first);

        Start().Tell(new Get(), TestActor);

        ExpectMsg(5);
    }

    [Fact]
    public void Commands_wait_for_the_work_of_the_one_before_and_queries_do_not()
    {
        var work = new TaskCompletionSource<int>(TaskCreationOptions.RunContinuationsAsynchronously);
        var counter = Start(work);
        counter.Tell(new AddResult(), TestActor);
        counter.Tell(new Add(1), TestActor);
        counter.Tell(new Get(), TestActor);
        ExpectMsg(0);

        work.SetResult(10);

        ExpectMsg(10);
        ExpectMsg(11);
    }

    [Fact]
    public void Failed_work_changes_nothing_and_the_next_command_goes_on()
    {
        var work = new TaskCompletionSource<int>(TaskCreationOptions.RunContinuationsAsynchronously);
        var counter = Start(work);
        counter.Tell(new AddResult(), TestActor);
        counter.Tell(new Add(1), TestActor);

        work.SetException(new RefusedException(new Refusal(RefusalCode.NoSpace, "full")));

        Assert.Equal(RefusalCode.NoSpace, ExpectMsg<Refusal>().Code);
        ExpectMsg(1);
    }

    [Fact]
    public void A_flood_is_refused_beyond_the_bound()
    {
        var work = new TaskCompletionSource<int>(TaskCreationOptions.RunContinuationsAsynchronously);
        var counter = Start(work);
        counter.Tell(new AddResult(), TestActor);
        for (var i = 0; i <= EventSourcedActor<Added, int>.StashCapacity; i++)
        {
            counter.Tell(new Add(1), TestActor);
        }

        Assert.Equal(RefusalCode.Busy, ExpectMsg<Refusal>().Code);
        work.SetResult(0);
        Assert.Equal(0, ExpectMsg<int>());
        ReceiveN(EventSourcedActor<Added, int>.StashCapacity);
        counter.Tell(new Get(), TestActor);
        ExpectMsg(EventSourcedActor<Added, int>.StashCapacity);
    }

    [Fact]
    public void What_nobody_knows_is_passed_over()
    {
        var counter = Start();

        EventFilter.Error(contains: "cannot do anything with System.String").ExpectOne(() => counter.Tell("what", TestActor));
        counter.Tell(new Add(1), TestActor);

        ExpectMsg(1);
    }

    public sealed record Add(int Amount);

    public sealed record AddResult;

    public sealed record Get;

    public sealed record Added(int Amount);

    private sealed class Counter(TaskCompletionSource<int>? work) : EventSourcedActor<Added, int>("counter", 0)
    {
        protected override int Apply(int state, Added e) => state + e.Amount;

        protected override void Carry(object command)
        {
            switch (command)
            {
                case Add add:
                    Record([new Added(add.Amount)], () => Finish(State));
                    break;
                case AddResult:
                    Work(() => work!.Task, amount => Record([new Added(amount)], () => Finish(State)), e => Finish(Failures.Explain(e)));
                    break;
                default:
                    Ignore(command);
                    break;
            }
        }

        protected override bool Notice(object message)
        {
            if (message is Get)
            {
                Sender.Tell(State, Self);
            }

            return message is Get;
        }

        protected override object Rejected(Refusal refusal) => refusal;

        protected override void ResumeEffects()
        {
        }
    }
}
