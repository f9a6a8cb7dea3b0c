using System.Buffers;
using System.Buffers.Binary;

namespace ActorBackup.Core.Identity;

/// <summary>26 characters of Crockford base 32: 48 bits of Unix milliseconds, then 80 random bits (ULID). Sorts by time as text.</summary>
public static class SortableId
{
    public const int Length = 26;

    private const string Alphabet = "0123456789abcdefghjkmnpqrstvwxyz";

    private static readonly SearchValues<char> Allowed = SearchValues.Create(Alphabet);

    /// <param name="at">The id's time.</param>
    /// <param name="entropy">Ten random bytes.</param>
    public static string Create(DateTimeOffset at, ReadOnlySpan<byte> entropy)
    {
        Span<byte> bytes = stackalloc byte[16];
        BinaryPrimitives.WriteInt64BigEndian(bytes, at.ToUnixTimeMilliseconds() << 16);
        entropy[..10].CopyTo(bytes[6..]);
        var value = BinaryPrimitives.ReadUInt128BigEndian(bytes);
        return string.Create(Length, value, static (text, v) =>
        {
            for (var i = text.Length - 1; i >= 0; i--)
            {
                text[i] = Alphabet[(int)(v & 31)];
                v >>= 5;
            }
        });
    }

    public static bool IsValid(string? text) =>
        text is { Length: Length } && text[0] <= '7' && !text.AsSpan().ContainsAnyExcept(Allowed);
}
