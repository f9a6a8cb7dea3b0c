using ActorBackup.Core.Identity;
using CsCheck;

namespace ActorBackup.Core.Tests.Identity;

public sealed class IdentityTests
{
    private static readonly Gen<DateTimeOffset> Times = Gen.Long[0, (1L << 48) - 1]
        .Where(ms => ms <= DateTimeOffset.MaxValue.ToUnixTimeMilliseconds())
        .Select(DateTimeOffset.FromUnixTimeMilliseconds);

    [Fact]
    public void An_id_is_valid_and_26_characters_long() =>
        Gen.Select(Times, Gen.Byte.Array[10]).Sample((at, entropy) =>
        {
            var id = SortableId.Create(at, entropy);
            Assert.Equal(SortableId.Length, id.Length);
            Assert.True(SortableId.IsValid(id));
        }, iter: 500, threads: 1);

    [Fact]
    public void Ids_sort_by_time_as_text_whatever_their_entropy() =>
        Gen.Select(Times, Times, Gen.Byte.Array[10], Gen.Byte.Array[10]).Sample((t1, t2, e1, e2) =>
        {
            if (t1 != t2)
            {
                var byText = string.CompareOrdinal(SortableId.Create(t1, e1), SortableId.Create(t2, e2));
                Assert.Equal(Math.Sign(t1.CompareTo(t2)), Math.Sign(byText));
            }
        }, iter: 1_000, threads: 1);

    [Fact]
    public void Every_bit_of_the_entropy_counts() =>
        Gen.Select(Gen.Byte.Array[10], Gen.Int[0, 79]).Sample((entropy, bit) =>
        {
            var flipped = entropy.ToArray();
            flipped[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.NotEqual(SortableId.Create(DateTimeOffset.UnixEpoch, entropy), SortableId.Create(DateTimeOffset.UnixEpoch, flipped));
        }, iter: 200, threads: 1);

    [Fact]
    public void A_known_id_stays_what_it_is() =>
        Assert.Equal(
            "01kas1cnw0000g40r40m30e209",
            SortableId.Create(new DateTimeOffset(2025, 11, 23, 19, 0, 0, TimeSpan.Zero), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]));

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("01kas1cnw0000g40r40m30e20")]
    [InlineData("01kas1cnw0000g40r40m30e2099")]
    [InlineData("81kas1cnw0000g40r40m30e209")]
    [InlineData("01KAS1CNW0000G40R40M30E209")]
    [InlineData("01kas1cnw0000g40r40m30e20u")]
    [InlineData("01kas1cnw0000g40r40m30e2/9")]
    public void What_is_no_id_is_told_apart(string? text) => Assert.False(SortableId.IsValid(text));

    [Theory]
    [InlineData("a", true)]
    [InlineData("0", true)]
    [InlineData("db-data_1.raw", true)]
    [InlineData("", false)]
    [InlineData(null, false)]
    [InlineData("-a", false)]
    [InlineData(".a", false)]
    [InlineData("_a", false)]
    [InlineData("A", false)]
    [InlineData("a b", false)]
    [InlineData("a/b", false)]
    [InlineData("a@b", false)]
    [InlineData("ä", false)]
    [InlineData("a\n", false)]
    public void Names_follow_the_rule(string? name, bool valid) => Assert.Equal(valid, ObjectName.IsValid(name));

    [Fact]
    public void Names_have_at_most_63_characters()
    {
        Assert.True(ObjectName.IsValid(new string('a', 63)));
        Assert.False(ObjectName.IsValid(new string('a', 64)));
    }

    [Theory]
    [InlineData(1023, "a", false)]
    [InlineData(1024, "a", true)]
    [InlineData(511, "é", false)]
    [InlineData(512, "é", true)]
    public void A_bitmaps_name_has_at_most_1023_bytes_of_utf8(int count, string character, bool tooLong) =>
        Assert.Equal(tooLong, new BitmapName(string.Concat(Enumerable.Repeat(character, count))).IsTooLong);
}
