using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using ActorBackup.Storage.Objects;

namespace ActorBackup.Storage.Tests.Support;

/// <summary>A store that keeps the contract, and whose objects a test can damage.</summary>
internal sealed class MemoryObjectStore : IObjectStore
{
    public ConcurrentDictionary<string, byte[]> Objects { get; } = new(StringComparer.Ordinal);

    public string Url => "memory:";

    public IEnumerable<string> Packs => Objects.Keys.Where(k => k.StartsWith("packs/", StringComparison.Ordinal)).Order(StringComparer.Ordinal);

    public Task<bool> PutIfAbsentAsync(string key, ReadOnlyMemory<byte> content, CancellationToken cancellation) =>
        Task.FromResult(Objects.TryAdd(Checked(key), content.ToArray()));

    public Task<byte[]?> TryGetAsync(string key, int maxBytes, CancellationToken cancellation) =>
        Objects.TryGetValue(Checked(key), out var bytes) && bytes.Length > maxBytes
            ? throw new StorageException(StorageError.Damaged, $"{key} has {bytes.Length} bytes")
            : Task.FromResult(bytes?.ToArray());

    public Task ReadAsync(string key, long offset, Memory<byte> buffer, CancellationToken cancellation)
    {
        if (!Objects.TryGetValue(Checked(key), out var bytes))
        {
            throw new StorageException(StorageError.Missing, $"{key} is not there");
        }

        if (offset + buffer.Length > bytes.Length)
        {
            throw new StorageException(StorageError.Damaged, $"{key} is too short");
        }

        bytes.AsSpan((int)offset, buffer.Length).CopyTo(buffer.Span);
        return Task.CompletedTask;
    }

    public Task<long?> TryGetLengthAsync(string key, CancellationToken cancellation) =>
        Task.FromResult(Objects.TryGetValue(Checked(key), out var bytes) ? bytes.Length : (long?)null);

    public async IAsyncEnumerable<StoredObject> ListAsync(string prefix, [EnumeratorCancellation] CancellationToken cancellation)
    {
        if (prefix.Length > 0)
        {
            Checked(prefix.TrimEnd('/'));
        }

        await Task.CompletedTask;
        foreach (var (key, bytes) in Objects)
        {
            if (key.StartsWith(prefix, StringComparison.Ordinal))
            {
                yield return new StoredObject(key, bytes.Length);
            }
        }
    }

    public Task DeleteAsync(string key, CancellationToken cancellation)
    {
        Objects.TryRemove(Checked(key), out _);
        return Task.CompletedTask;
    }

    public void Dispose()
    {
        // A test may look at the objects afterwards.
    }

    /// <summary>Inverts one bit of an object.</summary>
    public void Flip(string key, long bit) => Objects[key] = Damage.FlipBit(Objects[key], bit);

    private static string Checked(string key) =>
        ObjectKey.IsValid(key) ? key : throw new StorageException(StorageError.Invalid, $"'{key}' is not an object's key");
}
