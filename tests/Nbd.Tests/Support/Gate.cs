using System.Collections.Concurrent;

namespace ActorBackup.Nbd.Tests.Support;

/// <summary>Holds device calls back until a test lets them go, and counts how many were inside at once.</summary>
internal sealed class Gate
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, TaskCompletionSource> _held = [];
    private readonly ConcurrentDictionary<string, TaskCompletionSource> _arrivals = [];
    private bool _isOpen;

    /// <summary>Most calls that were held at one time.</summary>
    public int HeldMax { get; private set; }

    public int Held
    {
        get
        {
            lock (_lock)
            {
                return _held.Count;
            }
        }
    }

    /// <summary>For <see cref="MemoryDevice.Before"/>. Calls are told apart by their text.</summary>
    public ValueTask HoldAsync(string call)
    {
        TaskCompletionSource release;
        lock (_lock)
        {
            if (_isOpen)
            {
                return ValueTask.CompletedTask;
            }

            release = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _held.Add(call, release);
            HeldMax = Math.Max(HeldMax, _held.Count);
        }

        Arrival(call).TrySetResult();
        return new ValueTask(release.Task);
    }

    /// <summary>Completes when this call has been made.</summary>
    public Task ArrivedAsync(string call) => Arrival(call).Task.InTime();

    public void Release(string call) => Take(call).SetResult();

    public void Fail(string call, Exception failure) => Take(call).SetException(failure);

    /// <summary>Lets every call go that is held now.</summary>
    public void ReleaseHeld()
    {
        TaskCompletionSource[] held;
        lock (_lock)
        {
            held = [.. _held.Values];
            _held.Clear();
        }

        Array.ForEach(held, h => h.SetResult());
    }

    /// <summary>Lets every call go, also those that come later.</summary>
    public void Open()
    {
        lock (_lock)
        {
            _isOpen = true;
        }

        ReleaseHeld();
    }

    private TaskCompletionSource Arrival(string call) =>
        _arrivals.GetOrAdd(call, static _ => new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));

    private TaskCompletionSource Take(string call)
    {
        lock (_lock)
        {
            Assert.True(_held.Remove(call, out var release), $"'{call}' is not held.");
            return release;
        }
    }
}
