using ActorBackup.Core.Blocks;

namespace ActorBackup.Nbd.Tests.Support;

/// <summary>A device in memory that keeps books of what it was asked and whose calls can be held back or failed.</summary>
internal sealed class MemoryDevice(int sizeBytes, bool isReadOnly = false) : IBlockDevice
{
    public const int AllocationBytes = 4096;

    private readonly bool[] _isAllocated = new bool[(sizeBytes + AllocationBytes - 1) / AllocationBytes];

    public byte[] Content { get; } = new byte[sizeBytes];

    /// <summary>Awaited before every call; null lets calls complete at once.</summary>
    public Func<string, ValueTask>? Before { get; set; }

    /// <summary>Names and arguments of calls, in order.</summary>
    public List<string> Calls { get; } = [];

    public long SizeBytes => Content.Length;

    public bool IsReadOnly => isReadOnly;

    public int PreferredBlockBytes => AllocationBytes;

    public ValueTask ReadAsync(long offset, Memory<byte> buffer, CancellationToken cancellation) =>
        Run($"read {offset} {buffer.Length}", () => Content.AsMemory((int)offset, buffer.Length).CopyTo(buffer));

    public ValueTask WriteAsync(long offset, ReadOnlyMemory<byte> data, bool forceUnitAccess, CancellationToken cancellation) =>
        Run($"write {offset} {data.Length} {(forceUnitAccess ? "fua" : "")}", () =>
        {
            data.Span.CopyTo(Content.AsSpan((int)offset));
            Allocate(offset, data.Length);
        });

    public ValueTask FlushAsync(CancellationToken cancellation) => Run("flush", () => { });

    public ValueTask TrimAsync(long offset, long length, bool forceUnitAccess, CancellationToken cancellation) =>
        Run($"trim {offset} {length} {(forceUnitAccess ? "fua" : "")}", () => Zero(offset, length, mayPunch: true));

    public ValueTask WriteZeroesAsync(long offset, long length, ZeroOptions options, CancellationToken cancellation) =>
        Run($"zero {offset} {length} {options}", () => Zero(offset, length, (options & ZeroOptions.NoHole) == 0));

    public ValueTask<int> QueryAllocationAsync(long offset, long length, Memory<AllocationRun> runs, CancellationToken cancellation)
    {
        lock (Calls)
        {
            Calls.Add($"query {offset} {length} {runs.Length}");
            var count = 0;
            var end = offset + length;
            while (offset < end && count < runs.Length)
            {
                var isAllocated = _isAllocated[offset / AllocationBytes];
                var next = offset;
                while (next < end && _isAllocated[next / AllocationBytes] == isAllocated)
                {
                    next = Math.Min(end, ((next / AllocationBytes) + 1) * AllocationBytes);
                }

                runs.Span[count++] = new AllocationRun(next - offset, IsHole: !isAllocated, ReadsAsZero: !isAllocated);
                offset = next;
            }

            return ValueTask.FromResult(count);
        }
    }

    private ValueTask Run(string call, Action action)
    {
        lock (Calls)
        {
            Calls.Add(call.TrimEnd());
        }

        if (Before is { } before)
        {
            return RunLater(before(call), action);
        }

        Locked(action);
        return ValueTask.CompletedTask;
    }

    private async ValueTask RunLater(ValueTask before, Action action)
    {
        await before;
        Locked(action);
    }

    private void Locked(Action action)
    {
        lock (Content)
        {
            action();
        }
    }

    private void Allocate(long offset, long length)
    {
        if (length > 0)
        {
            var first = (int)(offset / AllocationBytes);
            _isAllocated.AsSpan(first, (int)((offset + length - 1) / AllocationBytes) - first + 1).Fill(true);
        }
    }

    private void Zero(long offset, long length, bool mayPunch)
    {
        Content.AsSpan((int)offset, (int)length).Clear();
        if (!mayPunch)
        {
            Allocate(offset, length);
            return;
        }

        var first = (offset + AllocationBytes - 1) / AllocationBytes;
        var end = offset + length == SizeBytes ? _isAllocated.Length : (offset + length) / AllocationBytes;
        if (end > first)
        {
            _isAllocated.AsSpan((int)first, (int)(end - first)).Clear();
        }
    }
}
