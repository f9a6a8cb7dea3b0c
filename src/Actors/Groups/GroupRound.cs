using ActorBackup.Core.Identity;
using ActorBackup.Messages.Disks;
using ActorBackup.Messages.Groups;

namespace ActorBackup.Actors.Groups;

/// <summary>Asks all disks of a group at once. Those that do not answer are left out: they are asked again.</summary>
internal static class GroupRound
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    /// <summary>Whether a start of a group would be decided by what these disks are, and not by their nodes being busy with opening them. A disk that a person stopped, or removed, says so itself.</summary>
    public static async Task<bool> AreOpenAsync(IGroupMembers members, IEnumerable<DiskId> disks)
    {
        var replies = await TryAskAsync(disks, d => members.AskAsync(new DiskQuery.GetDisk { Disk = d }, Patience)).ConfigureAwait(false);
        return replies.All(r => r is not (null or DiskReply.Disk { View.Condition: DiskCondition.Offline or DiskCondition.Error }));
    }

    public static Task<IReadOnlyList<GroupPartView>> LookAsync(IGroupMembers members, GroupId group, IEnumerable<DiskId> disks) =>
        AskAsync(disks, d => members.AskAsync(new DiskQuery.GetGroupPart(group) { Disk = d }, Patience));

    public static Task<IReadOnlyList<GroupPartView>> DecideAsync(IGroupMembers members, GroupId group, GroupDecision decision, IEnumerable<DiskId> disks) =>
        AskAsync(disks, d => members.AskAsync(new DiskCommand.DecideGroup(group, decision) { Disk = d }, Patience));

    public static Task<IReadOnlyList<GroupPartView>> AwaitAsync(IGroupMembers members, GroupId group, IEnumerable<DiskId> disks) =>
        AskAsync(disks, d => members.AskAsync(new DiskCommand.AwaitGroup(group) { Disk = d }, Patience));

    public static Task<IReadOnlyList<GroupPartView>> LeaveAsync(IGroupMembers members, GroupId group, IEnumerable<DiskId> disks) =>
        AskAsync(disks, d => members.AskAsync(new DiskCommand.LeaveGroup(group) { Disk = d }, Patience));

    private static async Task<IReadOnlyList<GroupPartView>> AskAsync(IEnumerable<DiskId> disks, Func<DiskId, Task<DiskReply>> ask) =>
        [.. (await TryAskAsync(disks, ask).ConfigureAwait(false)).OfType<DiskReply.GroupPart>().Select(p => p.View)];

    /// <summary>Null where no answer came.</summary>
    private static Task<DiskReply?[]> TryAskAsync(IEnumerable<DiskId> disks, Func<DiskId, Task<DiskReply>> ask) =>
        Task.WhenAll(disks.Select(async d =>
        {
            try
            {
                return (DiskReply?)await ask(d).ConfigureAwait(false);
            }
            catch (TimeoutException)
            {
                return null;
            }
        }));
}
