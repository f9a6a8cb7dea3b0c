using ActorBackup.Core.Identity;

namespace ActorBackup.Domain.Disks;

/// <summary>How long a disk remembers its jobs.</summary>
public static class JobHistory
{
    public const int JobsMax = 1000;

    private const int ForgottenAtOnce = 100;

    /// <summary>The oldest jobs that nothing refers to, once there are too many; else none.</summary>
    public static IReadOnlyList<JobId> TooOld(DiskState state)
    {
        if (state.Jobs.Count < JobsMax + ForgottenAtOnce)
        {
            return [];
        }

        var bases = state.Bitmaps.Values.Select(b => b.Base.Point?.Value).ToHashSet();
        return
        [
            .. state.Jobs.Values
                .Where(j => j is { Conclusion: not null, IsSettled: true } && !bases.Contains(j.Spec.Id.Value) && !JobRestarts.IsDue(state, j))
                .Select(j => j.Spec.Id)
                .Take(state.Jobs.Count - JobsMax),
        ];
    }
}
