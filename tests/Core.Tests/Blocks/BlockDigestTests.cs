using System.Security.Cryptography;
using ActorBackup.Core.Blocks;
using CsCheck;

namespace ActorBackup.Core.Tests.Blocks;

public sealed class BlockDigestTests
{
    private static readonly Gen<byte[]> Bytes = Gen.Byte.Array[BlockDigest.SizeBytes];

    [Fact]
    public void Text_and_bytes_round_trip() =>
        Bytes.Sample(bytes =>
        {
            var digest = new BlockDigest(bytes);
            Assert.Equal(bytes, digest.ToArray());
            Assert.Equal(digest, BlockDigest.Parse(digest.ToString()));
            Assert.Equal((bytes[0] << 8) | bytes[1], digest.Prefix);
        }, iter: 500, threads: 1);

    [Fact]
    public void Order_is_the_order_of_the_bytes() =>
        Gen.Select(Bytes, Bytes).Sample((a, b) =>
        {
            var expected = a.AsSpan().SequenceCompareTo(b);
            Assert.Equal(Math.Sign(expected), Math.Sign(new BlockDigest(a).CompareTo(new BlockDigest(b))));
            Assert.Equal(expected == 0, new BlockDigest(a) == new BlockDigest(b));
            Assert.Equal(expected < 0, new BlockDigest(a) < new BlockDigest(b));
        }, iter: 500, threads: 1);

    [Fact]
    public void Only_the_default_is_none()
    {
        Assert.True(default(BlockDigest).IsNone);
        Assert.False(new BlockDigest(SHA256.HashData([])).IsNone);
    }

    [Theory]
    [InlineData(31)]
    [InlineData(33)]
    public void A_digest_has_32_bytes(int length) => Assert.Throws<ArgumentException>(() => new BlockDigest(new byte[length]));
}
