using ActorBackup.Core.Identity;
using ActorBackup.Messages.Disks;
using ActorBackup.Messages.Groups;
using ActorBackup.Recovery.Tests.Support;

namespace ActorBackup.Recovery.Tests.Table;

/// <summary>A group that begins while the node is being stopped is refused in passing, wherever the stop meets it: it is no try of a restart (rule 21).</summary>
public sealed class GroupStopTests(Preludes preludes) : IClassFixture<Preludes>
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_stop_refuses_a_group_in_passing(bool isPrepared)
    {
        var (world, _) = await preludes.ForkAsync(new Kind(Core.Jobs.SyncMode.Full, Core.Bitmaps.BitmapSyncPolicy.Always, Under.NoBase));
        using (world)
        {
            var node = await world.StartAsync();
            var group = new GroupId("group-1");
            var prepare = new DiskCommand.PrepareGroup(group, GroupCompletion.Grouped, [new DiskCommand.ClearBitmap("b") { Disk = Node.DiskId }], DateTimeOffset.MaxValue) { Disk = Node.DiskId };
            if (isPrepared)
            {
                Assert.Equal(GroupPartStatus.Prepared, Assert.IsType<DiskReply.GroupPart>(await node.DoAsync(prepare)).View.Status);
            }

            await node.DoAsync(new DiskCommand.SuspendJobs { Disk = Node.DiskId });

            DiskCommand next = isPrepared ? new DiskCommand.HoldGroup(group, TimeSpan.FromSeconds(2)) { Disk = Node.DiskId } : prepare;
            var refusal = Assert.IsType<DiskReply.Rejected>(await node.AskAsync(next)).Refusal;
            Assert.True(refusal.IsPassing, refusal.Message);
            if (isPrepared)
            {
                Assert.True(Assert.IsType<DiskReply.Rejected>(await node.AskAsync(new DiskCommand.StartGroup(group) { Disk = Node.DiskId })).Refusal.IsPassing);
            }

            await node.StopAsync();
        }
    }
}
