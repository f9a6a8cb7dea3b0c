namespace ActorBackup.Storage.Objects;

/// <summary>The contract of every backend: immutable objects under keys of '/'-separated names. Failures are <see cref="StorageException"/>.</summary>
/// <remarks>Safe from many threads. When a put returns, object and name are on stable storage. No one ever sees half an object under its key.</remarks>
public interface IObjectStore : IDisposable
{
    /// <summary>Where it is, as the user wrote it, for messages.</summary>
    string Url { get; }

    /// <summary>
    /// True: this call created the object. False: the key was taken, nothing changed, and the object that is there is durable whoever put it. Of many at
    /// once exactly one gets true (rule 25).
    /// </summary>
    Task<bool> PutIfAbsentAsync(string key, ReadOnlyMemory<byte> content, CancellationToken cancellation);

    /// <summary>The whole object, at most <paramref name="maxBytes"/>; null if there is none.</summary>
    Task<byte[]?> TryGetAsync(string key, int maxBytes, CancellationToken cancellation);

    /// <summary>Fills the buffer from the offset on, or fails with <see cref="StorageError.Damaged"/> when the object is too short.</summary>
    Task ReadAsync(string key, long offset, Memory<byte> buffer, CancellationToken cancellation);

    /// <summary>As <see cref="ReadAsync"/>, of what is not expected to be read again soon, so that it need not stay in anybody's cache.</summary>
    Task ReadOnceAsync(string key, long offset, Memory<byte> buffer, CancellationToken cancellation) => ReadAsync(key, offset, buffer, cancellation);

    /// <summary>In bytes; null if there is no such object.</summary>
    Task<long?> TryGetLengthAsync(string key, CancellationToken cancellation);

    /// <summary>
    /// All objects whose key starts with the prefix ("points/"), unordered. An object that was named is durable, also where whoever put it died before its
    /// put returned: an index counts on the packs that it found so (rule 22). Only what nobody can write to, such as a read-only mount, is listed as it is.
    /// </summary>
    IAsyncEnumerable<StoredObject> ListAsync(string prefix, CancellationToken cancellation);

    /// <summary>Absent is no error. Durable when it returns.</summary>
    Task DeleteAsync(string key, CancellationToken cancellation);
}

public readonly record struct StoredObject(string Key, long LengthBytes);
