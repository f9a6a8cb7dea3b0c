using ActorBackup.Files;

namespace ActorBackup.Simulation.Tests.Machines;

/// <summary>Work posted by one process, run on the simulation's thread in random order.</summary>
internal sealed class SimScheduler(Machine machine, Dice dice) : IScheduler
{
    private readonly List<Action> _work = [];
    private readonly int _thread = Environment.CurrentManagedThreadId;

    public bool IsEmpty => _work.Count == 0;

    public void Post(Action work)
    {
        if (Environment.CurrentManagedThreadId != _thread)
        {
            machine.Report($"something ran on another thread: {Environment.StackTrace}");
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
        var at = dice.Below(_work.Count);
        var work = _work[at];
        _work[at] = _work[^1];
        _work.RemoveAt(_work.Count - 1);
        work();
    }
}
