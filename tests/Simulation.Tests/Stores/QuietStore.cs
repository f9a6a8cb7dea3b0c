using ActorBackup.Storage;
using ActorBackup.Storage.Objects;

namespace ActorBackup.Simulation.Tests.Stores;

/// <summary>The durable objects, read by the simulation itself: at once, without faults, and without changing anything.</summary>
internal sealed class QuietStore(SimObjects objects) : IObjectStore
{
    public string Url => "sim:store";

    public Task<bool> PutIfAbsentAsync(string key, ReadOnlyMemory<byte> content, CancellationToken cancellation) => throw new NotSupportedException();

    public Task<byte[]?> TryGetAsync(string key, int maxBytes, CancellationToken cancellation) => Task.FromResult(Find(key));

    public Task ReadAsync(string key, long offset, Memory<byte> buffer, CancellationToken cancellation)
    {
        var content = Find(key) ?? throw new StorageException(StorageError.Missing, $"object {key} is not durable");
        if (offset + buffer.Length > content.Length)
        {
            throw new StorageException(StorageError.Damaged, $"object {key} is too short");
        }

        content.AsMemory((int)offset, buffer.Length).CopyTo(buffer);
        return Task.CompletedTask;
    }

    public Task<long?> TryGetLengthAsync(string key, CancellationToken cancellation) => Task.FromResult<long?>(Find(key)?.Length);

    public async IAsyncEnumerable<StoredObject> ListAsync(string prefix, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellation)
    {
        await Task.CompletedTask;
        foreach (var key in objects.All.Keys.Where(k => k.StartsWith(prefix, StringComparison.Ordinal) && objects.IsDurable(k)).Order(StringComparer.Ordinal).ToList())
        {
            yield return new StoredObject(key, objects.All[key].Length);
        }
    }

    public Task DeleteAsync(string key, CancellationToken cancellation) => throw new NotSupportedException();

    public void Dispose()
    {
    }

    private byte[]? Find(string key) => objects.IsDurable(key) ? objects.All[key] : null;
}
