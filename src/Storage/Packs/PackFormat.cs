using System.Security.Cryptography;

namespace ActorBackup.Storage.Packs;

/// <summary>Sizes and magics of packs; docs/FORMAT.md says what they mean.</summary>
internal static class PackFormat
{
    public const uint Version = 1;
    public const int HeaderBytes = 16;
    public const int EntryBytes = 48;
    public const int TrailerBytes = 4 + 4 + SHA256.HashSizeInBytes + 8;
    public const int CountMax = 1 << 20;

    public static ReadOnlySpan<byte> HeadMagic => "ABKPACK\0"u8;

    public static ReadOnlySpan<byte> TailMagic => "ABKPEND\0"u8;

    public static string KeyOf(PackKind kind, ReadOnlySpan<byte> content)
    {
        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(content, digest);
        var name = Convert.ToHexStringLower(digest);
        return $"{PrefixOf(kind)}{name[..2]}/{name}";
    }

    public static string PrefixOf(PackKind kind) => kind == PackKind.Tree ? "packs/tree/" : "packs/data/";
}
