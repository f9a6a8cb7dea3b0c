using ActorBackup.Core.Identity;
using ActorBackup.Messages;
using ActorBackup.Messages.Disks;
using ActorBackup.Messages.Groups;

namespace ActorBackup.Actors.Groups;

/// <summary>Brings every disk of a group to one instant: prepare, hold, start. Persists nothing; what a refusal leaves behind is undone by the coordinator.</summary>
/// <remarks>
/// Every disk holds its guests' writes before the first one takes the instant, and holds them until it has taken it itself. So a write that was acknowledged
/// before another one was issued, on whichever disks, is never missing beside the later one (rule 18).
/// </remarks>
internal sealed class GroupOpening(GroupId group, IGroupMembers members, TimeProvider clock)
{
    private static readonly TimeSpan PreparePatience = TimeSpan.FromSeconds(60);

    /// <summary>Guests write on from the instant; what it changed is made durable before it is answered.</summary>
    private static readonly TimeSpan StartPatience = TimeSpan.FromSeconds(20);

    /// <summary>What a disk may need beyond the hold's limit before it holds: room in its tracking file, scratch files, a checkpoint that is being written.</summary>
    private static readonly TimeSpan HoldMargin = TimeSpan.FromSeconds(20);

    /// <summary>The disks' parts, all begun.</summary>
    /// <exception cref="RefusedException">The group cannot begin.</exception>
    public async Task<IReadOnlyList<GroupPartView>> RunAsync(GroupCommand.Start c, IReadOnlyList<DiskId> disks)
    {
        foreach (var disk in disks)
        {
            var actions = c.Actions.Where(a => a.Disk == disk).ToArray();
            await AskAsync(new DiskCommand.PrepareGroup(group, c.Completion, actions, clock.GetUtcNow() + PreparePatience) { Disk = disk }, PreparePatience).ConfigureAwait(false);
        }

        await Task.WhenAll(disks.Select(d => AskAsync(new DiskCommand.HoldGroup(group, c.HoldLimit) { Disk = d }, c.HoldLimit + HoldMargin))).ConfigureAwait(false);
        return await Task.WhenAll(disks.Select(d => AskAsync(new DiskCommand.StartGroup(group) { Disk = d }, StartPatience))).ConfigureAwait(false);
    }

    private async Task<GroupPartView> AskAsync(DiskCommand command, TimeSpan patience)
    {
        try
        {
            return await members.AskAsync(command, patience).ConfigureAwait(false) switch
            {
                DiskReply.GroupPart part => part.View,
                DiskReply.Rejected rejected => throw new RefusedException(rejected.Refusal),
                var other => throw new InvalidOperationException($"{command.GetType().Name} was answered by {other.GetType().Name}."),
            };
        }
        catch (TimeoutException)
        {
            throw new RefusedException(new Refusal(RefusalCode.NotReady, $"disk '{command.Disk}' did not answer in time; the group did not begin. Try again"));
        }
    }
}
