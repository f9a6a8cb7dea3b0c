using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace ActorBackup.Core.Blocks;

/// <summary>The 32-byte SHA-256 (or keyed) digest of a plain block or of an image-tree node. Default = all zero = none.</summary>
[StructLayout(LayoutKind.Sequential)]
public readonly struct BlockDigest : IEquatable<BlockDigest>, IComparable<BlockDigest>
{
    public const int SizeBytes = 32;

    private readonly ulong _a;
    private readonly ulong _b;
    private readonly ulong _c;
    private readonly ulong _d;

    /// <param name="bytes">Exactly 32 bytes.</param>
    public BlockDigest(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length != SizeBytes)
        {
            throw new ArgumentException("A digest has 32 bytes.", nameof(bytes));
        }

        this = MemoryMarshal.Read<BlockDigest>(bytes);
    }

    public bool IsNone => (_a | _b | _c | _d) == 0;

    /// <summary>First two bytes in reading order: what an index shards by.</summary>
    public ushort Prefix => BinaryPrimitives.ReadUInt16BigEndian(AsBytes(in this));

    public void CopyTo(Span<byte> destination) => MemoryMarshal.Write(destination, in this);

    public bool Equals(BlockDigest other) => _a == other._a && _b == other._b && _c == other._c && _d == other._d;

    public override bool Equals(object? obj) => obj is BlockDigest other && Equals(other);

    /// <summary>Digests are uniformly distributed, so any eight bytes are a good hash.</summary>
    public override int GetHashCode() => _b.GetHashCode();

    /// <summary>Byte order of the digest, as segments are sorted.</summary>
    public int CompareTo(BlockDigest other) => AsBytes(in this).SequenceCompareTo(AsBytes(in other));

    public override string ToString() => Convert.ToHexStringLower(AsBytes(in this));

    public byte[] ToArray() => AsBytes(in this).ToArray();

    public static BlockDigest Parse(string hex) => new(Convert.FromHexString(hex));

    public static bool operator ==(BlockDigest left, BlockDigest right) => left.Equals(right);

    public static bool operator !=(BlockDigest left, BlockDigest right) => !left.Equals(right);

    public static bool operator <(BlockDigest left, BlockDigest right) => left.CompareTo(right) < 0;

    public static bool operator >(BlockDigest left, BlockDigest right) => left.CompareTo(right) > 0;

    public static bool operator <=(BlockDigest left, BlockDigest right) => left.CompareTo(right) <= 0;

    public static bool operator >=(BlockDigest left, BlockDigest right) => left.CompareTo(right) >= 0;

    private static ReadOnlySpan<byte> AsBytes(ref readonly BlockDigest digest) =>
        MemoryMarshal.AsBytes(new ReadOnlySpan<BlockDigest>(in digest));
}
