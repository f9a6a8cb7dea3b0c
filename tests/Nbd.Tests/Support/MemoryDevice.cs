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

    /// <summary>Names and arguments of calls, in order. Calls may still come: <see cref="CallsSoFar"/> is a copy.</summary>
    public List<string> Calls { get; } = [];

    public string[] CallsSoFar
    {
        get
        {
            lock (Calls)
            {
                return [.. Calls];
            }
        }
    }

    /// <summary>The token of the latest call, for a <see cref="Before"/> that gives up when asked.</summary>
    public CancellationToken Cancellation { get; private set; }

    public long SizeBytes => Content.Length;

    public bool IsReadOnly => isReadOnly;

    public int PreferredBlockBytes => AllocationBytes;

    /// <summary>Everything is a hole again, whatever its content.</summary>
    public void Deallocate() => Array.Clear(_isAllocated);

    public ValueTask ReadAsync(long offset, Memory<byte> buffer, CancellationToken cancellation) =>
        Run($"read {offset} {buffer.Length}", () => Content.AsMemory((int)offset, buffer.Length).CopyTo(buffer), cancellation);

    public ValueTask WriteAsync(long offset, ReadOnlyMemory<byte> data, bool forceUnitAccess, CancellationToken cancellation) =>
        Run($"write {offset} {data.Length} {(forceUnitAccess ? "fua" : "")}", () => Put(offset, data.Span), cancellation);

    public ValueTask FlushAsync(CancellationToken cancellation) => Run("flush", () => { }, cancellation);

    public ValueTask TrimAsync(long offset, long length, bool forceUnitAccess, CancellationToken cancellation) =>
        Run($"trim {offset} {length} {(forceUnitAccess ? "fua" : "")}", () => Zero(offset, length, mayPunch: true), cancellation);

    public ValueTask WriteZeroesAsync(long offset, long length, ZeroOptions options, CancellationToken cancellation) =>
        Run($"zero {offset} {length} {options}", () => Zero(offset, length, (options & ZeroOptions.NoHole) == 0), cancellation);

    public async ValueTask<int> QueryAllocationAsync(long offset, long length, Memory<AllocationRun> runs, CancellationToken cancellation)
    {
        var count = 0;
        await Run($"query {offset} {length} {runs.Length}", () => count = FillRuns(offset, offset + length, runs.Span), cancellation);
        return count;
    }

    private int FillRuns(long offset, long end, Span<AllocationRun> runs)
    {
        var count = 0;
        while (offset < end && count < runs.Length)
        {
            var isAllocated = _isAllocated[offset / AllocationBytes];
            var next = offset;
            while (next < end && _isAllocated[next / AllocationBytes] == isAllocated)
            {
                next = Math.Min(end, ((next / AllocationBytes) + 1) * AllocationBytes);
            }

            runs[count++] = new AllocationRun(next - offset, IsHole: !isAllocated, ReadsAsZero: !isAllocated);
            offset = next;
        }

        return count;
    }

    private ValueTask Run(string call, Action action, CancellationToken cancellation)
    {
        call = call.TrimEnd();
        lock (Calls)
        {
            Calls.Add(call);
            Cancellation = cancellation;
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

    private void Put(long offset, ReadOnlySpan<byte> data)
    {
        data.CopyTo(Content.AsSpan((int)offset));
        Allocate(offset, data.Length);
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
