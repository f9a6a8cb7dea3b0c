using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Jobs;
using static ActorBackup.Core.Bitmaps.BitmapSyncPolicy;

namespace ActorBackup.Core.Tests.Jobs;

/// <summary>QEMU's table of sync mode × bitmap × policy, all of it; null = accepted, else a word of the refusal.</summary>
public sealed class BackupArgumentsTests
{
    [Theory]
    [InlineData(SyncMode.Full, false, null, null)]
    [InlineData(SyncMode.Full, false, Conditional, "without a bitmap")]
    [InlineData(SyncMode.Full, false, Always, "without a bitmap")]
    [InlineData(SyncMode.Full, false, Never, "without a bitmap")]
    [InlineData(SyncMode.Full, true, null, "needs a policy")]
    [InlineData(SyncMode.Full, true, Conditional, null)]
    [InlineData(SyncMode.Full, true, Always, null)]
    [InlineData(SyncMode.Full, true, Never, "pointless")]
    [InlineData(SyncMode.None, false, null, null)]
    [InlineData(SyncMode.None, false, Conditional, "without a bitmap")]
    [InlineData(SyncMode.None, false, Always, "without a bitmap")]
    [InlineData(SyncMode.None, false, Never, "without a bitmap")]
    [InlineData(SyncMode.None, true, null, "needs a policy")]
    [InlineData(SyncMode.None, true, Conditional, "no meaningful output")]
    [InlineData(SyncMode.None, true, Always, "no meaningful output")]
    [InlineData(SyncMode.None, true, Never, "no meaningful output")]
    [InlineData(SyncMode.Bitmap, false, null, "needs a bitmap")]
    [InlineData(SyncMode.Bitmap, false, Conditional, "needs a bitmap")]
    [InlineData(SyncMode.Bitmap, false, Always, "needs a bitmap")]
    [InlineData(SyncMode.Bitmap, false, Never, "needs a bitmap")]
    [InlineData(SyncMode.Bitmap, true, null, "needs a policy")]
    [InlineData(SyncMode.Bitmap, true, Conditional, null)]
    [InlineData(SyncMode.Bitmap, true, Always, null)]
    [InlineData(SyncMode.Bitmap, true, Never, null)]
    [InlineData(SyncMode.Incremental, false, null, "needs a bitmap")]
    [InlineData(SyncMode.Incremental, false, Conditional, "needs a bitmap")]
    [InlineData(SyncMode.Incremental, false, Always, "needs a bitmap")]
    [InlineData(SyncMode.Incremental, false, Never, "needs a bitmap")]
    [InlineData(SyncMode.Incremental, true, null, null)]
    [InlineData(SyncMode.Incremental, true, Conditional, null)]
    [InlineData(SyncMode.Incremental, true, Always, "'conditional'")]
    [InlineData(SyncMode.Incremental, true, Never, "'conditional'")]
    [InlineData(SyncMode.Auto, false, null, null)]
    [InlineData(SyncMode.Auto, false, Always, "chooses")]
    [InlineData(SyncMode.Auto, true, null, "chooses")]
    [InlineData(SyncMode.Auto, true, Always, "chooses")]
    public void Every_combination_is_as_the_table_says(SyncMode sync, bool hasBitmap, BitmapSyncPolicy? policy, string? word)
    {
        var refusal = BackupArguments.Refusal(sync, hasBitmap, policy);

        if (word is null)
        {
            Assert.Null(refusal);
        }
        else
        {
            Assert.Contains(word, refusal, StringComparison.Ordinal);
            Assert.DoesNotContain("\n", refusal, StringComparison.Ordinal);
        }
    }
}
