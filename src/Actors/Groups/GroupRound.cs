using ActorBackup.Core.Identity;
using ActorBackup.Messages.Disks;
using ActorBackup.Messages.Groups;

namespace ActorBackup.Actors.Groups;

/// <summary>Asks all disks of a group at once. Those that do not answer are left out: they are asked again.</summary>
internal static class GroupRound
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    public static Task<IReadOnlyList<GroupPartView>> LookAsync(IGroupMembers members, GroupId group, IEnumerable<DiskId> disks) =>
        AskAsync(disks, d => members.AskAsync(new DiskQuery.GetGroupPart(group) { Disk = d }, Patience));

    public static Task<IReadOnlyList<GroupPartView>> DecideAsync(IGroupMembers members, GroupId group, GroupDecision decision, IEnumerable<DiskId> disks) =>
        AskAsync(disks, d => members.AskAsync(new DiskCommand.DecideGroup(group, decision) { Disk = d }, Patience));

    public static Task<IReadOnlyList<GroupPartView>> AwaitAsync(IGroupMembers members, GroupId group, IEnumerable<DiskId> disks) =>
        AskAsync(disks, d => members.AskAsync(new DiskCommand.AwaitGroup(group) { Disk = d }, Patience));

    public static Task<IReadOnlyList<GroupPartView>> LeaveAsync(IGroupMembers members, GroupId group, IEnumerable<DiskId> disks) =>
        AskAsync(disks, d => members.AskAsync(new DiskCommand.LeaveGroup(group) { Disk = d }, Patience));

    private static async Task<IReadOnlyList<GroupPartView>> AskAsync(IEnumerable<DiskId> disks, Func<DiskId, Task<DiskReply>> ask)
    {
        var replies = await Task.WhenAll(disks.Select(async d =>
        {
            try
            {
                return await ask(d).ConfigureAwait(false);
            }
            catch (TimeoutException)
            {
                return null;
            }
        })).ConfigureAwait(false);
        return [.. replies.OfType<DiskReply.GroupPart>().Select(p => p.View)];
    }
}
