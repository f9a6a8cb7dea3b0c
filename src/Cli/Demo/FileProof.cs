using System.Security.Cryptography;

namespace ActorBackup.Cli.Demo;

/// <summary>Proofs about files, computed here and not by the node.</summary>
public static class FileProof
{
    private const int BufferBytes = 4 << 20;

    public static async Task<string> DigestAsync(string path, CancellationToken cancellation)
    {
        await using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, BufferBytes, FileOptions.SequentialScan);
        return Convert.ToHexStringLower(await SHA256.HashDataAsync(file, cancellation));
    }

    /// <summary>Offset of the first byte that differs, or -1 when the files are equal in length and content.</summary>
    public static long FirstDifference(string a, string b, CancellationToken cancellation)
    {
        using var left = File.OpenHandle(a, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, FileOptions.SequentialScan);
        using var right = File.OpenHandle(b, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, FileOptions.SequentialScan);
        var (leftBuffer, rightBuffer) = (new byte[BufferBytes], new byte[BufferBytes]);
        var length = Math.Min(RandomAccess.GetLength(left), RandomAccess.GetLength(right));
        for (long offset = 0; offset < length; offset += BufferBytes)
        {
            cancellation.ThrowIfCancellationRequested();
            var count = (int)Math.Min(BufferBytes, length - offset);
            ReadFully(left, leftBuffer.AsSpan(0, count), offset);
            ReadFully(right, rightBuffer.AsSpan(0, count), offset);
            var same = leftBuffer.AsSpan(0, count).CommonPrefixLength(rightBuffer.AsSpan(0, count));
            if (same < count)
            {
                return offset + same;
            }
        }

        return RandomAccess.GetLength(left) == RandomAccess.GetLength(right) ? -1 : length;
    }

    /// <summary>Whether the file holds each of these bytes at its offset.</summary>
    public static bool Holds(string path, IReadOnlyDictionary<long, byte[]> expected)
    {
        using var file = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        foreach (var (offset, bytes) in expected)
        {
            var actual = new byte[bytes.Length];
            ReadFully(file, actual, offset);
            if (!actual.AsSpan().SequenceEqual(bytes))
            {
                return false;
            }
        }

        return true;
    }

    private static void ReadFully(Microsoft.Win32.SafeHandles.SafeFileHandle file, Span<byte> buffer, long offset)
    {
        while (buffer.Length > 0)
        {
            var read = RandomAccess.Read(file, buffer, offset);
            if (read == 0)
            {
                buffer.Clear();
                return;
            }

            buffer = buffer[read..];
            offset += read;
        }
    }
}
