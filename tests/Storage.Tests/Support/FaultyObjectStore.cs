using System.Collections.Concurrent;
using ActorBackup.Storage.Objects;

namespace ActorBackup.Storage.Tests.Support;

/// <summary>A store in front of another that fails when the test says so.</summary>
internal sealed class FaultyObjectStore(IObjectStore inner) : IObjectStore
{
    private int _puts;

    /// <summary>By number of the put, from 1 on, and key: what it fails with. Null = it goes through.</summary>
    public Func<int, string, StorageException?>? PutFault { get; set; }

    /// <summary>The put fails although the object is stored.</summary>
    public Func<int, string, StorageException?>? FaultAfterPut { get; set; }

    /// <summary>What a put waits for before it does anything.</summary>
    public Func<string, Task>? BeforePut { get; set; }

    public Func<string, StorageException?>? ReadFault { get; set; }

    public ConcurrentQueue<string> Puts { get; } = new();

    public ConcurrentQueue<string> Reads { get; } = new();

    /// <summary>Ranges that were asked for.</summary>
    public ConcurrentQueue<(string Key, int Bytes)> Ranges { get; } = new();

    public string Url => inner.Url;

    public async Task<bool> PutIfAbsentAsync(string key, ReadOnlyMemory<byte> content, CancellationToken cancellation)
    {
        var number = Interlocked.Increment(ref _puts);
        Puts.Enqueue(key);
        if (BeforePut is { } before)
        {
            await before(key);
        }

        if (PutFault?.Invoke(number, key) is { } fault)
        {
            throw fault;
        }

        var isNew = await inner.PutIfAbsentAsync(key, content, cancellation);
        return FaultAfterPut?.Invoke(number, key) is { } late ? throw late : isNew;
    }

    public Task<byte[]?> TryGetAsync(string key, int maxBytes, CancellationToken cancellation) =>
        FaultOf(key) is { } fault ? throw fault : inner.TryGetAsync(key, maxBytes, cancellation);

    public Task ReadAsync(string key, long offset, Memory<byte> buffer, CancellationToken cancellation)
    {
        Ranges.Enqueue((key, buffer.Length));
        return FaultOf(key) is { } fault ? throw fault : inner.ReadAsync(key, offset, buffer, cancellation);
    }

    public Task<long?> TryGetLengthAsync(string key, CancellationToken cancellation) => inner.TryGetLengthAsync(key, cancellation);

    public IAsyncEnumerable<StoredObject> ListAsync(string prefix, CancellationToken cancellation) => inner.ListAsync(prefix, cancellation);

    public Task DeleteAsync(string key, CancellationToken cancellation) => inner.DeleteAsync(key, cancellation);

    public void Dispose() => inner.Dispose();

    private StorageException? FaultOf(string key)
    {
        Reads.Enqueue(key);
        return ReadFault?.Invoke(key);
    }
}
