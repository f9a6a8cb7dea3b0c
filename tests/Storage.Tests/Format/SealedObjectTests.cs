using ActorBackup.Storage.Sealed;
using ActorBackup.Storage.Tests.Support;

namespace ActorBackup.Storage.Tests.Format;

public sealed class SealedObjectTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(1000)]
    public void The_payload_comes_back(int length) =>
        Assert.Equal(Content.Noise(1, length), SealedObject.Open(SealedObject.Seal("ABCDEFGH"u8, 1, Content.Noise(1, length)), "ABCDEFGH"u8, 1, "it").ToArray());

    [Fact]
    public void Every_flipped_bit_and_every_truncation_is_damage()
    {
        var bytes = SealedObject.Seal("ABCDEFGH"u8, 1, "payload"u8);
        for (var bit = 0; bit < bytes.Length * 8; bit++)
        {
            Assert.Equal(StorageError.Damaged, ErrorOf(Damage.FlipBit(bytes, bit)));
        }

        for (var length = 0; length < bytes.Length; length++)
        {
            Assert.Equal(StorageError.Damaged, ErrorOf(bytes[..length]));
        }

        Assert.Equal(StorageError.Damaged, ErrorOf([.. bytes, 0]));
    }

    [Fact]
    public void Another_version_is_refused_as_such()
    {
        Assert.Equal(StorageError.UnknownVersion, ErrorOf(SealedObject.Seal("ABCDEFGH"u8, 2, "payload"u8)));
        Assert.Equal(StorageError.UnknownVersion, ErrorOf(SealedObject.Seal("ABCDEFGH"u8, 0, "payload"u8)));
    }

    [Fact]
    public void What_nobody_would_read_is_not_written() =>
        Assert.Equal(StorageError.Invalid, Assert.Throws<StorageException>(() => SealedObject.Seal("ABCDEFGH"u8, 1, new byte[SealedObject.MaxBytes])).Error);

    private static StorageError ErrorOf(byte[] bytes) => Assert.Throws<StorageException>(() => SealedObject.Open(bytes, "ABCDEFGH"u8, 1, "it")).Error;
}
