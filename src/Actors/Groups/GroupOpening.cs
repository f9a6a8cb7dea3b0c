using ActorBackup.Core.Identity;
using ActorBackup.Domain.Groups;
using ActorBackup.Messages;
using ActorBackup.Messages.Disks;
using ActorBackup.Messages.Groups;

namespace ActorBackup.Actors.Groups;

/// <summary>Brings every disk of a group to one instant: prepare, hold, start. Persists nothing; what a refusal leaves behind is undone by the coordinator.</summary>
/// <remarks>
/// Every disk holds its guests' writes before the first one takes the instant, and holds them until it has taken it itself. So a write that was acknowledged
/// before another one was issued, on whichever disks, is never missing beside the later one (rule 18).
/// </remarks>
internal sealed class GroupOpening(GroupId group, IGroupMembers members, TimeProvider clock, GroupGuards guards)
{
    private static readonly TimeSpan PreparePatience = TimeSpan.FromSeconds(60);

    /// <summary>Guests write on from the instant; what it changed is made durable before it is answered.</summary>
    private static readonly TimeSpan StartPatience = TimeSpan.FromSeconds(20);

    /// <summary>What a disk may need beyond the hold's limit before it holds: room in its tracking file, scratch files, a checkpoint that is being written.</summary>
    private static readonly TimeSpan HoldMargin = TimeSpan.FromSeconds(20);

    /// <summary>The disks' parts, all begun.</summary>
    /// <exception cref="RefusedException">The group cannot begin; of several actions that are refused this is the first one of the group.</exception>
    public async Task<IReadOnlyList<GroupPartView>> RunAsync(GroupCommand.Start c, IReadOnlyList<DiskId> disks)
    {
        if (await PrepareAsync(c, disks).ConfigureAwait(false) is { } refusal)
        {
            throw new RefusedException(refusal);
        }

        if (!guards.BorrowWhenHeld)
        {
            await LendAsync(c).ConfigureAwait(false);
        }

        await Task.WhenAll(disks.Select(d => AskAsync(new DiskCommand.HoldGroup(group, c.HoldLimit) { Disk = d }, c.HoldLimit + HoldMargin))).ConfigureAwait(false);
        if (guards.BorrowWhenHeld)
        {
            await LendAsync(c).ConfigureAwait(false);
        }

        return await Task.WhenAll(disks.Select(d => AskAsync(new DiskCommand.StartGroup(group) { Disk = d }, StartPatience))).ConfigureAwait(false);
    }

    /// <summary>The refusal of the earliest action; null = every disk is prepared. After a refusal only disks with an earlier action are asked.</summary>
    private async Task<Refusal?> PrepareAsync(GroupCommand.Start c, IReadOnlyList<DiskId> disks)
    {
        var first = (At: c.Actions.Count, Refusal: c.Impossible);
        var commands = GroupLoans.Commands(c.Actions).ToLookup(a => a.Command.Disk);
        foreach (var disk in disks)
        {
            var places = commands[disk].Select(a => a.Place).ToArray();
            if (first.Refusal is null || places[0] < first.At)
            {
                var prepare = new DiskCommand.PrepareGroup(group, c.Completion, [.. commands[disk].Select(a => a.Command)], clock.GetUtcNow() + PreparePatience) { Disk = disk, Places = places };
                var (action, refusal) = await TryPrepareAsync(prepare).ConfigureAwait(false);
                first = refusal is not null && places[action] < first.At ? (places[action], refusal) : first;
            }
        }

        return first.Refusal;
    }

    /// <summary>Takes bitmaps to the disks that merge them. Their disks hold writes, so these are the bits of the instant.</summary>
    /// <remarks>A loan may need others: the ones of earlier merges. So in every round there is one that needs no more.</remarks>
    private async Task LendAsync(GroupCommand.Start c)
    {
        var open = GroupLoans.Of(c.Actions).ToList();
        while (open.Count > 0)
        {
            var replies = await Task.WhenAll(open.Select(l => l.Loan).Distinct().GroupBy(l => l.Address.Disk).Select(AskForLoansAsync)).ConfigureAwait(false);
            var lent = replies.SelectMany(r => r).ToDictionary(l => l.Loan);
            var brought = open.Where(l => lent.ContainsKey(l.Loan)).ToList();
            if (brought.Count == 0)
            {
                throw new RefusedException(new Refusal(RefusalCode.NotReady, $"group {group} did not begin: nobody lends {open[0].Loan.Address}. Start it again"));
            }

            await Task.WhenAll(brought.GroupBy(l => l.To, l => l.Loan).Select(to =>
                AskAsync(new DiskCommand.BorrowInGroup(group, [.. to.Select(loan => lent[loan])]) { Disk = to.Key }, c.HoldLimit))).ConfigureAwait(false);
            open.RemoveAll(brought.Contains);
        }

        async Task<IReadOnlyList<LentBitmap>> AskForLoansAsync(IGrouping<DiskId, GroupLoan> from)
        {
            var ask = new DiskCommand.GetLoans(group, [.. from]) { Disk = from.Key };
            return await TryAskAsync(ask, c.HoldLimit).ConfigureAwait(false) switch
            {
                DiskReply.Loans reply => reply.Lent,
                DiskReply.Rejected rejected => throw new RefusedException(rejected.Refusal),
                var other => throw Unexpected(ask, other),
            };
        }
    }

    /// <summary>Which action is refused and why; a disk that cannot be asked at all refuses its first one.</summary>
    private async Task<(int Action, Refusal? Refusal)> TryPrepareAsync(DiskCommand.PrepareGroup prepare)
    {
        try
        {
            return await TryAskAsync(prepare, PreparePatience).ConfigureAwait(false) switch
            {
                DiskReply.GroupPart => (0, null),
                DiskReply.ActionRejected rejected => (rejected.Action, rejected.Refusal),
                DiskReply.Rejected rejected => (0, rejected.Refusal),
                var other => throw Unexpected(prepare, other),
            };
        }
        catch (RefusedException e)
        {
            return (0, e.Refusal);
        }
    }

    private async Task<GroupPartView> AskAsync(DiskCommand command, TimeSpan patience) =>
        await TryAskAsync(command, patience).ConfigureAwait(false) switch
        {
            DiskReply.GroupPart part => part.View,
            DiskReply.Rejected rejected => throw new RefusedException(rejected.Refusal),
            var other => throw Unexpected(command, other),
        };

    /// <exception cref="RefusedException">The disk did not answer.</exception>
    private async Task<DiskReply> TryAskAsync(DiskCommand command, TimeSpan patience)
    {
        try
        {
            return await members.AskAsync(command, patience).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            throw new RefusedException(new Refusal(RefusalCode.NotReady, $"disk '{command.Disk}' did not answer in time; the group did not begin. Try again"));
        }
    }

    private static InvalidOperationException Unexpected(DiskCommand command, DiskReply reply) =>
        new($"{command.GetType().Name} was answered by {reply.GetType().Name}.");
}
