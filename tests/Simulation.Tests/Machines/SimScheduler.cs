using ActorBackup.Files;

namespace ActorBackup.Simulation.Tests.Machines;

/// <summary>Work that one process posts or gives to the thread pool, run on the simulation's thread in random order.</summary>
internal sealed class SimScheduler : IScheduler
{
    private readonly Machine _machine;
    private readonly Dice _dice;
    private readonly List<Action> _work = [];
    private readonly int _thread = Environment.CurrentManagedThreadId;

    public SimScheduler(Machine machine, Dice dice)
    {
        (_machine, _dice) = (machine, dice);

        // What a dead process had queued is never done.
        var left = new List<Action>();
        SimPool.TakeInto(left);
        machine.Bury(left);
    }

    public bool IsEmpty
    {
        get
        {
            Collect();
            return _work.Count == 0;
        }
    }

    public void Post(Action work)
    {
        if (Environment.CurrentManagedThreadId != _thread)
        {
            _machine.Report($"something ran on another thread: {Environment.StackTrace}");
        }

        _work.Add(work);
    }

    /// <summary>Lets others go first, or not.</summary>
    public Task Yield()
    {
        var turn = new TaskCompletionSource();
        Post(turn.SetResult);
        return turn.Task;
    }

    public void RunOne()
    {
        Collect();
        var at = _dice.Below(_work.Count);
        var work = _work[at];
        _work[at] = _work[^1];
        _work.RemoveAt(_work.Count - 1);
        work();
    }

    private void Collect() => SimPool.TakeInto(_work);
}
