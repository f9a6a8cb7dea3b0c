using System.Runtime.CompilerServices;
using ActorBackup.Simulation.Tests.Machines;
using ActorBackup.Storage;
using ActorBackup.Storage.Objects;

namespace ActorBackup.Simulation.Tests.Stores;

/// <summary>The store as one process reaches it. Every operation takes a while; the process may die before it, after it, and while the answer is on its way.</summary>
internal sealed class SimObjectStore(SimObjects objects, Machine machine, SimProcess process) : IObjectStore
{
    // A pack's name is long.
    private const int TracedMax = 36;

    private readonly HashSet<string> _failedSyncs = new(StringComparer.Ordinal);

    public string Url => "sim:store";

    public async Task<bool> PutIfAbsentAsync(string key, ReadOnlyMemory<byte> content, CancellationToken cancellation)
    {
        var sent = content.ToArray();
        objects.Send(key, sent);
        try
        {
            await ReachAsync("put " + key, cancellation);
        }
        catch (StorageException)
        {
            objects.Received(key, sent);
            throw;
        }

        var isNew = false;
        var fails = machine.Dice.Chance(objects.Faults.PutFails);
        var isDone = !fails || machine.Dice.Chance(objects.Faults.DoneAllTheSame);
        if (fails && !isDone && machine.Dice.Chance(objects.Faults.ComesLater))
        {
            objects.Postpone(key, sent);
        }

        await DoAsync(key.StartsWith("points/", StringComparison.Ordinal) ? OperationKind.Publish : OperationKind.Repository, () => isNew = isDone && objects.PutIfAbsent(key, sent));
        objects.Received(key, sent);
        if (fails)
        {
            throw Fail(machine.Dice.Pick([StorageError.InputOutput, StorageError.InputOutput, StorageError.NoSpace]), "put", key);
        }

        SyncName(key);
        if (machine.Dice.Chance(objects.Faults.ComesTwice))
        {
            objects.Postpone(key, sent);
        }

        await AnswerAsync();
        return isNew;
    }

    public async Task<byte[]?> TryGetAsync(string key, int maxBytes, CancellationToken cancellation)
    {
        await ReadAsync("get", key, cancellation);
        var content = objects.All.GetValueOrDefault(key);
        await AnswerAsync();
        return content is null ? null
            : content.Length <= maxBytes ? (byte[])content.Clone()
            : throw new StorageException(StorageError.Damaged, $"object {key} is too long");
    }

    public async Task ReadAsync(string key, long offset, Memory<byte> buffer, CancellationToken cancellation)
    {
        await ReadAsync("read", key, cancellation);
        var content = objects.All.GetValueOrDefault(key) ?? throw new StorageException(StorageError.Missing, $"object {key} is not there");
        if (offset + buffer.Length > content.Length)
        {
            throw new StorageException(StorageError.Damaged, $"object {key} is shorter than it was written");
        }

        content.AsMemory((int)offset, buffer.Length).CopyTo(buffer);
        await AnswerAsync();
    }

    public async Task<long?> TryGetLengthAsync(string key, CancellationToken cancellation)
    {
        await ReadAsync("examine", key, cancellation);
        return objects.All.GetValueOrDefault(key)?.Length;
    }

    public async IAsyncEnumerable<StoredObject> ListAsync(string prefix, [EnumeratorCancellation] CancellationToken cancellation)
    {
        await ReadAsync("list", prefix, cancellation);
        var keys = objects.All.Keys.Where(k => k.StartsWith(prefix, StringComparison.Ordinal)).Order(StringComparer.Ordinal).ToList();
        while (keys.Count > 0)
        {
            var at = machine.Dice.Below(keys.Count);
            var key = keys[at];
            keys[at] = keys[^1];
            keys.RemoveAt(keys.Count - 1);
            if (machine.Dice.Chance(0.1))
            {
                await ReadAsync("list on", prefix, cancellation);
            }

            // What is deleted meanwhile may be listed or not.
            if (objects.All.TryGetValue(key, out var content))
            {
                objects.MakeDurable(key);
                yield return new StoredObject(key, content.Length);
            }
        }
    }

    public async Task DeleteAsync(string key, CancellationToken cancellation)
    {
        await ReachAsync("delete " + key, cancellation);
        var fails = machine.Dice.Chance(objects.Faults.DeleteFails);
        var isDone = !fails || machine.Dice.Chance(objects.Faults.DoneAllTheSame);
        await DoAsync(OperationKind.Repository, () =>
        {
            if (isDone)
            {
                objects.Delete(key, isDurable: !fails);
            }
        });
        if (fails)
        {
            throw Fail(StorageError.InputOutput, "delete", key);
        }

        await AnswerAsync();
    }

    public void Dispose()
    {
    }

    private async Task ReadAsync(string what, string key, CancellationToken cancellation)
    {
        await ReachAsync($"{what} {key}", cancellation);
        await DoAsync(OperationKind.Repository, static () => { });
        if (machine.Dice.Chance(objects.Faults.ReadFails))
        {
            throw Fail(StorageError.InputOutput, what, key);
        }
    }

    /// <summary>The request is on its way.</summary>
    private async Task ReachAsync(string what, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        await TravelAsync();
        machine.Trace.Add("R " + (what.Length > TracedMax ? what[..TracedMax] : what));
        objects.LetSomeIn();
        if (!objects.IsAway && machine.Dice.Chance(objects.Faults.GoesAway))
        {
            objects.GoAway(true);
        }

        if (objects.IsAway && objects.IsHanging)
        {
            await process.Clock.Delay(objects.AwayUntil - machine.Now);
        }
        else if (objects.IsAway)
        {
            throw Fail(StorageError.Missing, what, "");
        }
    }

    private Task AnswerAsync() => machine.Dice.Chance(0.5) ? TravelAsync() : Task.CompletedTask;

    private async Task TravelAsync()
    {
        if (machine.Dice.Chance(objects.Faults.IsSlow))
        {
            await process.Clock.Delay(TimeSpan.FromMilliseconds(machine.Dice.Between(1, 15_000)));
        }

        for (var turns = machine.Dice.Below(3); turns > 0; turns--)
        {
            await process.Scheduler.Yield();
        }
    }

    /// <summary>A request of a process that is no more, or dies with it, is never answered.</summary>
    private async Task DoAsync(OperationKind kind, Action apply)
    {
        try
        {
            machine.Do(process.Number, kind, null, 0, 1, count =>
            {
                if (count == 1)
                {
                    apply();
                }
            });
        }
        catch (ProcessDied)
        {
            await process.Never;
        }
    }

    /// <summary>As a file system: after one failure nothing that the directory names can be promised to this process.</summary>
    private void SyncName(string key)
    {
        var directory = key[..Math.Max(0, key.LastIndexOf('/'))];
        if (_failedSyncs.Contains(directory) || machine.Dice.Chance(objects.Faults.SyncFails))
        {
            _failedSyncs.Add(directory);
            throw Fail(StorageError.InputOutput, "sync", key);
        }

        objects.MakeDurable(key);
    }

    private StorageException Fail(StorageError error, string what, string key)
    {
        machine.Trace.Add("R failed");
        return new StorageException(error, $"{what} {key}: {error} (simulated)");
    }
}
