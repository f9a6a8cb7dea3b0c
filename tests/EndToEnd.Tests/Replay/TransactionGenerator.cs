namespace ActorBackup.EndToEnd.Tests.Replay;

/// <summary>Several actions at one instant, accepted and refused ones.</summary>
/// <remarks>
/// Around QEMU 7.2's defects: (a) a prepared backup with <c>always</c> that is rolled back leaves its bitmap all dirty, so after one only what cannot be refused
/// follows; (b) a bitmap-enable that is refused because there is no such bitmap crashes it, so only of what is there; bitmap actions in a grouped transaction are
/// always refused, unlike here (listed), so there are none; (c) rolling back a grouped transaction with two prepared backups hangs, so from the third on they cannot be refused.
/// <para>A group of ActorBackup has no action that removes a bitmap.</para>
/// </remarks>
internal sealed class TransactionGenerator(Random random, BackupGenerator backups, int disks)
{
    private readonly BitmapActionGenerator _bitmaps = new(random, disks);

    public ReplayAction.Transaction Next(ReplayState state)
    {
        var isGrouped = random.Next(2) == 0;
        var actions = new List<ReplayAction.InTransaction>();
        var earlier = new Earlier();
        for (var left = random.Next(1, isGrouped ? 4 : 6); left > 0; left--)
        {
            var mustSucceed = earlier.HasAlways || (isGrouped && earlier.Backups > 1);
            var isBackup = isGrouped || random.Next(3) == 0;
            var action = (isBackup, mustSucceed) switch
            {
                (true, true) => backups.Sure(state, earlier),
                (true, false) => backups.Next(state, earlier),
                (false, true) => _bitmaps.Sure(state, earlier),
                (false, false) => _bitmaps.Next(state),
            };
            if (action is ReplayAction.SetRecording { IsEnabled: true } enable && !IsThere(state, enable))
            {
                action = enable with { IsEnabled = false };
            }

            if (action is not null)
            {
                actions.Add(action);
                earlier.Add(action);
            }
        }

        return new ReplayAction.Transaction(isGrouped, actions);
    }

    private static bool IsThere(ReplayState state, ReplayAction.SetRecording action) =>
        action.Disk < state.Bitmaps.Count && state.Bitmaps[action.Disk].Any(b => b.Name == action.Name);
}
