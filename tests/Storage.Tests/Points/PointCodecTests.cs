using System.Text;
using ActorBackup.Core.Blocks;
using ActorBackup.Core.Identity;
using ActorBackup.Storage.Points;
using ActorBackup.Storage.Sealed;
using ActorBackup.Storage.Tests.Support;
using CsCheck;

namespace ActorBackup.Storage.Tests.Points;

public sealed class PointCodecTests
{
    private static readonly RecoveryPoint Point = TestRepository.PointOf(1, 100 * 4096, Content.Digest(1), [new BlockRun(3, 4), new BlockRun(50, 50)]);

    [Fact]
    public void Any_missing_blocks_come_back() =>
        Gen.Bool.Array[1, 200].Sample(missing =>
        {
            var bitmap = new Core.Bitmaps.DirtyBitmap(new BlockGeometry(missing.Length * 4096L, 4096));
            for (var i = 0; i < missing.Length; i++)
            {
                _ = missing[i] && bitmap.Mark(i);
            }

            BlockRun[] runs = [.. bitmap.Runs().Select(r => new BlockRun(r.First, r.End - r.First))];
            var point = TestRepository.PointOf(1, missing.Length * 4096L, default, runs);
            Assert.Equivalent(point, PointCodec.Decode(point.Id, PointCodec.Encode(point)), strict: true);
        });

    [Fact]
    public void A_point_under_the_key_of_another_is_damage()
    {
        Assert.Equal(StorageError.Damaged, ErrorOf(TestRepository.IdOf(2), PointCodec.Encode(Point)));
        Assert.Equal(StorageError.Damaged, ErrorOf(TestRepository.IdOf(2), PointCodec.EncodeTombstone(Point.Id, ImmediateClock.Now)));
        Assert.Null(PointCodec.Decode(Point.Id, PointCodec.EncodeTombstone(Point.Id, ImmediateClock.Now)));
    }

    [Theory]
    [InlineData("\"missing\":[3,4,50,50]", "\"missing\":[3,4,50]")]
    [InlineData("\"missing\":[3,4,50,50]", "\"missing\":[3,4,50,51]")]
    [InlineData("\"missing\":[3,4,50,50]", "\"missing\":[3,4,6,1]")]
    [InlineData("\"missing\":[3,4,50,50]", "\"missing\":[50,50,3,4]")]
    [InlineData("\"missing\":[3,4,50,50]", "\"missing\":[-1,4,50,50]")]
    [InlineData("\"missing\":[3,4,50,50]", "\"missing\":[3,0,50,50]")]
    [InlineData("\"missing\":[3,4,50,50]", "\"missing\":[3,9223372036854775807]")]
    [InlineData("\"missing\":[3,4,50,50]", "\"missing\":null")]
    [InlineData(",\"missing\":[3,4,50,50]", "")]
    [InlineData("\"sizeBytes\":409600", "\"sizeBytes\":0")]
    [InlineData("\"sizeBytes\":409600", "\"sizeBytes\":-1")]
    [InlineData("\"blockBytes\":4096", "\"blockBytes\":4097")]
    [InlineData("\"blockBytes\":4096", "\"blockBytes\":2048")]
    [InlineData("\"disk\":\"d\"", "\"disk\":null")]
    [InlineData("\"disk\":\"d\"", "\"disk\":1")]
    [InlineData("\"root\":\"", "\"root\":\"zz")]
    [InlineData("\"createdAtUnixMs\":", "\"createdAtUnixMs\":999999999999")]
    [InlineData("{", "")]
    [InlineData("{", "[{")]
    public void A_payload_that_contradicts_itself_is_damage(string old, string other)
    {
        var payload = Encoding.UTF8.GetString(SealedObject.Open(PointCodec.Encode(Point), PointCodec.PointMagic, PointCodec.Version, "it").Span);
        var at = payload.IndexOf(old, StringComparison.Ordinal);
        Assert.True(at >= 0, payload);
        var bytes = SealedObject.Seal(PointCodec.PointMagic, PointCodec.Version, Encoding.UTF8.GetBytes(payload[..at] + other + payload[(at + old.Length)..]));

        Assert.Equal(StorageError.Damaged, ErrorOf(Point.Id.Value, bytes));
    }

    private static StorageError ErrorOf(string id, byte[] bytes) => Assert.Throws<StorageException>(() => PointCodec.Decode(new PointId(id), bytes)).Error;
}
