using ActorBackup.Nbd.Protocol;
using ActorBackup.Nbd.Transport;

namespace ActorBackup.Nbd.Server;

/// <summary>The reply to a BLOCK_STATUS: one chunk for every selected context.</summary>
internal static class StatusReply
{
    /// <summary>A longer list is cut; the client asks again from there.</summary>
    private const int RunsMax = 2048;

    public static int SizeBytesMax(int contextCount, in RequestHeader request) =>
        contextCount * (StatusChunk.PrefixBytes + (RunsMaxOf(request) * StatusChunk.DescriptorBytes));

    /// <summary>Composes the whole reply at the start of the buffer and sets its FilledBytes.</summary>
    public static async ValueTask ComposeAsync(
        SharedBuffer reply,
        IReadOnlyList<SelectedContext> contexts,
        RequestHeader request,
        CancellationToken cancellation)
    {
        var runs = new StatusRun[RunsMaxOf(request)];
        for (var i = 0; i < contexts.Count; i++)
        {
            var count = await contexts[i].Context.QueryAsync((long)request.Offset, request.Length, runs, cancellation).ConfigureAwait(false);
            var isLast = i == contexts.Count - 1;
            reply.FilledBytes += WriteChunk(reply.Array.AsSpan(reply.FilledBytes), request, contexts[i].Id, runs.AsSpan(0, count), isLast);
        }
    }

    private static int RunsMaxOf(in RequestHeader request) => (request.Flags & CommandFlags.RequestOne) != 0 ? 1 : RunsMax;

    private static int WriteChunk(Span<byte> destination, in RequestHeader request, uint contextId, ReadOnlySpan<StatusRun> runs, bool isLast)
    {
        var descriptors = destination[StatusChunk.PrefixBytes..];
        long left = request.Length;
        var written = 0;
        for (var i = 0; i < runs.Length && left > 0; written++)
        {
            var (length, flags) = runs[i++];
            while (i < runs.Length && runs[i].Flags == flags)
            {
                length += runs[i++].Length;
            }

            length = Math.Min(length, left);
            left -= length;
            StatusChunk.WriteDescriptor(descriptors[(written * StatusChunk.DescriptorBytes)..], (uint)length, flags);
        }

        StatusChunk.WritePrefix(destination, isLast ? ChunkFlags.Done : ChunkFlags.None, request.Cookie, contextId, written);
        return StatusChunk.PrefixBytes + (written * StatusChunk.DescriptorBytes);
    }
}
