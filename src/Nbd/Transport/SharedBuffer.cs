namespace ActorBackup.Nbd.Transport;

/// <summary>A pooled byte array with a count of who still uses it; the last <see cref="Release"/> returns it to its pool.</summary>
internal sealed class SharedBuffer(BufferPool pool, int sizeClass, int sizeBytes)
{
    private int _references;

    public byte[] Array { get; } = GC.AllocateUninitializedArray<byte>(sizeBytes, pinned: true);

    public int SizeClass { get; } = sizeClass;

    /// <summary>How much of the array a producer filled, for whoever it hands the buffer to.</summary>
    public int FilledBytes { get; set; }

    /// <summary>Somebody besides the caller, who holds one reference, uses parts of the array.</summary>
    public bool IsShared => Volatile.Read(ref _references) > 1;

    public void Retain() => Interlocked.Increment(ref _references);

    public void Release()
    {
        if (Interlocked.Decrement(ref _references) == 0)
        {
            pool.Return(this);
        }
    }

    internal void Reset()
    {
        _references = 1;
        FilledBytes = 0;
    }
}
