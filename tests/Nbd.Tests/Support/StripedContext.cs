using ActorBackup.Nbd.Server;

namespace ActorBackup.Nbd.Tests.Support;

/// <summary>A meta context whose flags are 0, 1, 0, 1 ... along stripes of one size.</summary>
internal sealed class StripedContext(string name, int stripeBytes) : IMetaContext
{
    public string Name => name;

    /// <summary>Thrown instead of an answer.</summary>
    public Exception? Failure { get; set; }

    public ValueTask<int> QueryAsync(long offset, long length, Memory<StatusRun> runs, CancellationToken cancellation)
    {
        if (Failure is not null)
        {
            return ValueTask.FromException<int>(Failure);
        }

        var count = 0;
        for (var end = offset + length; offset < end && count < runs.Length;)
        {
            var stripe = offset / stripeBytes;
            var next = Math.Min(end, (stripe + 1) * stripeBytes);
            runs.Span[count++] = new StatusRun(next - offset, (uint)(stripe & 1));
            offset = next;
        }

        return ValueTask.FromResult(count);
    }
}
