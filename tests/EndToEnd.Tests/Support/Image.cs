namespace ActorBackup.EndToEnd.Tests.Support;

/// <summary>Raw images made from seeds, and their comparison.</summary>
internal static class Image
{
    public const int BlockBytes = 64 * 1024;
    public const long MiB = 1024 * 1024;

    /// <summary>Random blocks, with some holes and some blocks twice.</summary>
    public static void Random(string path, long bytes, int seed)
    {
        var random = new Random(seed);
        using var file = File.Create(path);
        file.SetLength(bytes);
        var block = new byte[BlockBytes];
        for (var offset = 0L; offset < bytes; offset += BlockBytes)
        {
            var kind = random.Next(10);
            if (kind < 2)
            {
                continue;
            }

            if (kind > 3)
            {
                random.NextBytes(block.AsSpan(0, BlockBytes / 2));
            }

            file.Position = offset;
            file.Write(block.AsSpan(0, (int)Math.Min(BlockBytes, bytes - offset)));
        }
    }

    /// <summary>Fresh random bytes everywhere: nothing to reuse, nothing to compress.</summary>
    public static void Dense(string path, long bytes, int seed)
    {
        var random = new Random(seed);
        using var file = File.Create(path);
        var block = new byte[MiB];
        for (var offset = 0L; offset < bytes; offset += MiB)
        {
            random.NextBytes(block);
            file.Write(block);
        }
    }

    public static void AssertEqual(string expected, string actual)
    {
        var different = Differences(expected, actual);
        Assert.True(different.Count == 0, $"{actual} differs from {expected} in {different.Count} blocks, first {(different.Count > 0 ? different[0] : -1)}");
    }

    /// <summary>Indices of blocks that differ.</summary>
    public static List<long> Differences(string a, string b)
    {
        using var left = File.OpenRead(a);
        using var right = new FileStream(b, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        Assert.Equal(left.Length, right.Length);
        var (x, y) = (new byte[BlockBytes], new byte[BlockBytes]);
        var different = new List<long>();
        for (var block = 0L; block * BlockBytes < left.Length; block++)
        {
            var read = left.ReadAtLeast(x, BlockBytes, throwOnEndOfStream: false);
            Assert.Equal(read, right.ReadAtLeast(y, BlockBytes, throwOnEndOfStream: false));
            if (!x.AsSpan(0, read).SequenceEqual(y.AsSpan(0, read)))
            {
                different.Add(block);
            }
        }

        return different;
    }
}
