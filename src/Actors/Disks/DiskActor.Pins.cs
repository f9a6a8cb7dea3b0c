using ActorBackup.Messages;
using ActorBackup.Messages.Disks;

namespace ActorBackup.Actors.Disks;

/// <content>
/// Bases of jobs, which may be points of other disks (a bitmap may count from any point of its size): the actor of the point's disk deletes it, and knows nothing
/// of this disk's jobs (rule 15).
/// </content>
public sealed partial class DiskActor
{
    /// <summary>From before the job looks whether its base is there until it is settled. Null = it stays.</summary>
    private Refusal? PinBase(BackupSpec job) =>
        job.Base is not { } point
        || disks.Pins.TryPin(point, job.RepositoryId, job.Id.Value, $"point {point} is the base of job {job.Id} of disk '{id}', which is not concluded yet; wait for it or cancel it")
            ? null
            : new Refusal(RefusalCode.BaseLost, $"the base {point} is being deleted; run a full backup");

    private void UnpinBase(BackupSpec job)
    {
        if (job.Base is { } point)
        {
            disks.Pins.Unpin(point, job.RepositoryId, job.Id.Value);
        }
    }

    /// <summary>The pins are as the journal says. Also of a job that waits for its repository or for a person: without its base its work would be lost.</summary>
    private void FollowBases()
    {
        foreach (var job in State.Jobs.Values)
        {
            if (job.IsSettled)
            {
                UnpinBase(job.Spec);
            }
            else
            {
                // One that is gone already is found to be lost.
                _ = PinBase(job.Spec);
            }
        }
    }
}
