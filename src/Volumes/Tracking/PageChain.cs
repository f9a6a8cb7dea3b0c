using System.Buffers.Binary;
using ActorBackup.Files;

namespace ActorBackup.Volumes.Tracking;

/// <summary>Bytes of any length in pages from anywhere: each page starts with the number of the next, 0 at the end.</summary>
internal static class PageChain
{
    public const int PayloadBytes = TrackingFormat.PageBytes - sizeof(uint);

    /// <summary>Writes the bytes into the pages, of which there are just enough.</summary>
    public static void Write(IFile file, IReadOnlyList<uint> pages, ReadOnlySpan<byte> bytes)
    {
        var buffer = new byte[TrackingFormat.PageBytes];
        for (var i = 0; i < pages.Count; i++)
        {
            var payload = bytes[..Math.Min(PayloadBytes, bytes.Length)];
            bytes = bytes[payload.Length..];
            Array.Clear(buffer);
            BinaryPrimitives.WriteUInt32LittleEndian(buffer, i + 1 < pages.Count ? pages[i + 1] : 0);
            payload.CopyTo(buffer.AsSpan(sizeof(uint)));
            file.Write(TrackingFormat.OffsetOf(pages[i]), buffer);
        }
    }

    /// <summary>Reads so many bytes from the chain; null when the chain is broken.</summary>
    public static byte[]? TryRead(IFile file, uint firstPage, int length, List<uint> pages)
    {
        if (length < 0 || length > file.Length)
        {
            return null;
        }

        var bytes = new byte[length];
        var buffer = new byte[TrackingFormat.PageBytes];
        var page = firstPage;
        for (var done = 0; done < length; done += PayloadBytes)
        {
            if (page < TrackingFormat.FirstStorePage || file.Read(TrackingFormat.OffsetOf(page), buffer) < buffer.Length)
            {
                return null;
            }

            pages.Add(page);
            page = BinaryPrimitives.ReadUInt32LittleEndian(buffer);
            buffer.AsSpan(sizeof(uint), Math.Min(PayloadBytes, length - done)).CopyTo(bytes.AsSpan(done));
        }

        return bytes;
    }
}
