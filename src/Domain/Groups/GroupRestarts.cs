using ActorBackup.Core.Identity;
using ActorBackup.Domain.Disks;
using ActorBackup.Messages.Disks;
using ActorBackup.Messages.Groups;

namespace ActorBackup.Domain.Groups;

/// <summary>Which failed groups are started again by themselves, when, and as what (rule 21). A restart is a new group: a new instant, new jobs.</summary>
public static class GroupRestarts
{
    /// <summary>How often a group that is asked for like this is started again: as often as the job of it that wants it most. The jobs of an individual one see to themselves.</summary>
    public static int Of(GroupCommand.Start c) =>
        c.Completion == GroupCompletion.Individual ? 0 : c.Actions.OfType<DiskCommand.StartBackup>().Select(b => b.Order.Restarts).DefaultIfEmpty().Max();

    /// <summary>It failed, has restarts left, nobody does its work again yet, and no person has cancelled anything of it.</summary>
    public static bool IsAhead(GroupState state) =>
        state is { Decision: GroupDecision.Abort, IsCancelled: false, IsRestartDropped: false, RetriedAs: null }
        && state.RestartsRefused < (state.Restartable?.Restarts ?? 0);

    /// <summary>The same, and every disk has settled its part.</summary>
    public static bool IsDue(GroupState state) => state.IsConcluded && IsAhead(state);

    /// <param name="state">Of a group that is due.</param>
    /// <param name="postponed">How often it was put off since its node started, without using up a try.</param>
    public static TimeSpan BackOff(GroupState state, int postponed) => JobRestarts.BackOff(state.Restartable!.RestartCount + state.RestartsRefused + postponed);

    /// <summary>The same actions; each backup does the work of its job again.</summary>
    /// <param name="state">Of a group that is due.</param>
    /// <param name="failed">Its id.</param>
    /// <param name="next">Of the new group.</param>
    public static GroupCommand.Start Order(GroupState state, GroupId failed, GroupId next)
    {
        var again = state.Restartable!;
        var left = again.Restarts - 1 - state.RestartsRefused;
        var tries = again.RestartCount + 1 + state.RestartsRefused;
        var jobs = state.Members.GroupBy(m => m.Disk).ToDictionary(d => d.Key, d => new Queue<JobId>(d.Select(m => m.Job)));
        DiskCommand Again(DiskCommand action) =>
            action is DiskCommand.StartBackup backup
                ? backup with { Order = backup.Order with { Restarts = left, RestartCount = tries, RetryOf = NextJob(action.Disk) } }
                : action;

        // A disk's jobs are in the order of its backups.
        JobId? NextJob(DiskId disk) => jobs.TryGetValue(disk, out var its) && its.TryDequeue(out var job) ? job : null;
        return new GroupCommand.Start(state.Completion, [.. again.Actions.Select(Again)]) { Group = next, HoldLimit = again.HoldLimit, RetryOf = failed, RestartCount = tries };
    }
}
