using ActorBackup.Core.Bitmaps;
using static ActorBackup.Core.Bitmaps.BitmapRemainder;
using static ActorBackup.Core.Bitmaps.BitmapSyncPolicy;

namespace ActorBackup.Core.Tests.Bitmaps;

/// <summary>The truth table of docs/DESIGN.md, row by row: every policy with every way to end.</summary>
public sealed class SyncPolicyTests
{
    [Theory]
    // A success: the pair's existence and force change nothing.
    [InlineData(Never, true, false, true, SyncBitmap)]
    [InlineData(Never, true, false, false, SyncBitmap)]
    [InlineData(Conditional, true, false, true, Nothing)]
    [InlineData(Conditional, true, false, false, Nothing)]
    [InlineData(Always, true, false, true, Nothing)]
    [InlineData(Always, true, false, false, Nothing)]
    // Failed, cancelled or interrupted.
    [InlineData(Never, false, false, true, SyncBitmap)]
    [InlineData(Never, false, false, false, SyncBitmap)]
    [InlineData(Conditional, false, false, true, SyncBitmap)]
    [InlineData(Conditional, false, false, false, SyncBitmap)]
    [InlineData(Always, false, false, true, CopyBitmap)]
    [InlineData(Always, false, false, false, SyncBitmap)]
    // Cancelled by force or discarded: as if the job had never run.
    [InlineData(Never, false, true, true, SyncBitmap)]
    [InlineData(Never, false, true, false, SyncBitmap)]
    [InlineData(Conditional, false, true, true, SyncBitmap)]
    [InlineData(Conditional, false, true, false, SyncBitmap)]
    [InlineData(Always, false, true, true, SyncBitmap)]
    [InlineData(Always, false, true, false, SyncBitmap)]
    public void The_remainder_is_as_the_table_says(
        BitmapSyncPolicy policy, bool succeeded, bool forced, bool hasCheckpoint, BitmapRemainder expected) =>
        Assert.Equal(expected, SyncPolicy.Remainder(policy, succeeded, forced, hasCheckpoint));

    [Fact]
    public void Nothing_is_given_up_without_a_success_or_a_checkpoint()
    {
        foreach (var policy in Enum.GetValues<BitmapSyncPolicy>())
        {
            foreach (var forced in new[] { false, true })
            {
                Assert.Equal(SyncBitmap, SyncPolicy.Remainder(policy, succeeded: false, forced, hasCheckpoint: false));
                Assert.NotEqual(Nothing, SyncPolicy.Remainder(policy, succeeded: false, forced, hasCheckpoint: true));
            }
        }
    }

    [Theory]
    [InlineData(Conditional, 0)]
    [InlineData(Always, 1)]
    [InlineData(Never, 2)]
    public void Numbers_of_policies_are_stored_and_stay(BitmapSyncPolicy policy, int number) => Assert.Equal(number, (int)policy);

    [Theory]
    [InlineData(Nothing, 0)]
    [InlineData(SyncBitmap, 1)]
    [InlineData(CopyBitmap, 2)]
    public void Numbers_of_remainders_are_stored_and_stay(BitmapRemainder remainder, int number) => Assert.Equal(number, (int)remainder);
}
