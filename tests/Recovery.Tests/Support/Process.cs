using ActorBackup.Files;

namespace ActorBackup.Recovery.Tests.Support;

/// <summary>Whether a node's process lives, and what it changed so far: each change of the tracking file (F), the backing (B), the repository (R) or the journal (D) is a step.</summary>
internal sealed class Process
{
    private readonly Lock _lock = new();
    private readonly TaskCompletionSource _killed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly HashSet<IDisposable> _open = [];
    private readonly List<string> _steps = [];

    public bool IsDead { get; private set; }

    public Task Killed => _killed.Task;

    /// <summary>Told before each step, while nothing else can change: what the machine is then is what a kill leaves.</summary>
    public Action<string>? BeforeStep { get; set; }

    /// <summary>Kinds and names, in order.</summary>
    public IReadOnlyList<string> Steps
    {
        get
        {
            lock (_lock)
            {
                return [.. _steps];
            }
        }
    }

    /// <summary>Does one change. The process may die before it (<see cref="BeforeStep"/> may call <see cref="Die"/>).</summary>
    public void Do(string step, Action change)
    {
        lock (_lock)
        {
            ThrowIfDead();
            BeforeStep?.Invoke(step);
            ThrowIfDead();
            _steps.Add(step);
            change();
        }
    }

    /// <summary>What is no step: reads, and writes that nobody finds before a step names them.</summary>
    public T Use<T>(Func<T> use)
    {
        lock (_lock)
        {
            ThrowIfDead();
            return use();
        }
    }

    public IFile Own(IFile file)
    {
        _open.Add(file);
        return file;
    }

    public void Close(IFile file)
    {
        lock (_lock)
        {
            if (_open.Remove(file))
            {
                file.Dispose();
            }
        }
    }

    /// <summary>As SIGKILL does: nothing changes from here on, and locks are free.</summary>
    public void Die()
    {
        lock (_lock)
        {
            IsDead = true;
            foreach (var file in _open)
            {
                file.Dispose();
            }

            _open.Clear();
            _killed.TrySetResult();
        }
    }

    private void ThrowIfDead()
    {
        if (IsDead)
        {
            throw new FileLayerException(FileError.InputOutput, "the process was killed");
        }
    }
}
