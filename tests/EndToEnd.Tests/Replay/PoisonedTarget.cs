using ActorBackup.EndToEnd.Tests.Support;

namespace ActorBackup.EndToEnd.Tests.Replay;

/// <summary>A file for a backup of QEMU: what still has these bytes was not copied.</summary>
internal static class PoisonedTarget
{
    private const byte Poison = 0xa5;

    public static void Make(string path, long bytes)
    {
        var content = new byte[bytes];
        Array.Fill(content, Poison);
        File.WriteAllBytes(path, content);
    }

    /// <summary>Whether the block, the last one perhaps a short one, was copied.</summary>
    public static bool IsCopied(ReadOnlySpan<byte> content, long block) => BlockOf(content, block).ContainsAnyExcept(Poison);

    public static ReadOnlySpan<byte> BlockOf(ReadOnlySpan<byte> content, long block)
    {
        var from = (int)block * Image.BlockBytes;
        return content[from..Math.Min(content.Length, from + Image.BlockBytes)];
    }
}
