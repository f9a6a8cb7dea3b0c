using ActorBackup.Core.Blocks;

namespace ActorBackup.Storage.Tests.Support;

/// <summary>A disk in memory that notes what is written, and lets the test act before a read.</summary>
internal sealed class MemoryDisk(byte[] content, int blockBytes) : IBlockDevice
{
    private readonly Lock _lock = new();

    public byte[] Content { get; } = content;

    /// <summary>Blocks that were read.</summary>
    public HashSet<long> Read { get; } = [];

    /// <summary>Blocks that were written or zeroed.</summary>
    public HashSet<long> Changed { get; } = [];

    public int Flushes { get; private set; }

    /// <summary>By block, before the bytes are taken.</summary>
    public Action<long>? BeforeRead { get; set; }

    public Func<long, Exception?>? WriteFault { get; set; }

    public long SizeBytes => Content.Length;

    public bool IsReadOnly => false;

    public int PreferredBlockBytes => blockBytes;

    public ValueTask ReadAsync(long offset, Memory<byte> buffer, CancellationToken cancellation)
    {
        BeforeRead?.Invoke(offset / blockBytes);
        lock (_lock)
        {
            Read.Add(offset / blockBytes);
            Content.AsSpan((int)offset, buffer.Length).CopyTo(buffer.Span);
        }

        return ValueTask.CompletedTask;
    }

    public ValueTask WriteAsync(long offset, ReadOnlyMemory<byte> data, bool forceUnitAccess, CancellationToken cancellation)
    {
        var (first, last) = (offset / blockBytes, (offset + data.Length - 1) / blockBytes);
        for (var block = first; block <= last; block++)
        {
            if (WriteFault?.Invoke(block) is { } fault)
            {
                throw fault;
            }
        }

        lock (_lock)
        {
            for (var block = first; block <= last; block++)
            {
                Changed.Add(block);
            }

            data.Span.CopyTo(Content.AsSpan((int)offset));
        }

        return ValueTask.CompletedTask;
    }

    public ValueTask FlushAsync(CancellationToken cancellation)
    {
        Flushes++;
        return ValueTask.CompletedTask;
    }

    public ValueTask TrimAsync(long offset, long length, bool forceUnitAccess, CancellationToken cancellation) =>
        WriteZeroesAsync(offset, length, ZeroOptions.None, cancellation);

    public ValueTask WriteZeroesAsync(long offset, long length, ZeroOptions options, CancellationToken cancellation)
    {
        lock (_lock)
        {
            for (var block = offset / blockBytes; block <= (offset + length - 1) / blockBytes; block++)
            {
                Changed.Add(block);
            }

            Content.AsSpan((int)offset, (int)length).Clear();
        }

        return ValueTask.CompletedTask;
    }

    /// <summary>Whole blocks of zeroes are holes.</summary>
    public ValueTask<int> QueryAllocationAsync(long offset, long length, Memory<AllocationRun> runs, CancellationToken cancellation)
    {
        var count = 0;
        lock (_lock)
        {
            for (var position = offset; position < offset + length && count < runs.Length;)
            {
                var end = Math.Min(offset + length, ((position / blockBytes) + 1) * blockBytes);
                var start = position / blockBytes * blockBytes;
                var isZero = !Content.AsSpan((int)start, (int)(Math.Min(Content.Length, start + blockBytes) - start)).ContainsAnyExcept((byte)0);
                runs.Span[count++] = new AllocationRun(end - position, isZero, isZero);
                position = end;
            }
        }

        return ValueTask.FromResult(count);
    }
}
