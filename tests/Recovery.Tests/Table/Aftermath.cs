using ActorBackup.Core.Blocks;
using ActorBackup.Core.Identity;
using ActorBackup.Domain.Disks;
using ActorBackup.Files;
using ActorBackup.Recovery.Tests.Support;
using ActorBackup.Storage.Points;
using ActorBackup.Volumes;

namespace ActorBackup.Recovery.Tests.Table;

/// <summary>What lies in journal, tracking file and repository after a kill, as somebody sees it who only looks.</summary>
/// <param name="State">By the journal.</param>
/// <param name="Job">The newest; null when the journal has none but the prelude's.</param>
/// <param name="Copy">The copy bitmap of its pair in the tracking file, in blocks.</param>
/// <param name="Root">The root of that pair.</param>
/// <param name="IsInTracking">The tracking file knows the job.</param>
/// <param name="IsKeyTaken">There is a point or a tombstone at its key.</param>
/// <param name="Point">At its key.</param>
internal sealed record Aftermath(DiskState State, JobState? Job, HashSet<long>? Copy, BlockDigest? Root, bool IsInTracking, bool IsKeyTaken, RecoveryPoint? Point)
{
    public static async Task<Aftermath> ReadAsync(World world, IReadOnlySet<string> earlierJobs)
    {
        using var fork = world.Fork();
        var state = fork.Machine.Journal.State();
        var job = state.Jobs.Values.LastOrDefault(j => !earlierJobs.Contains(j.Spec.Id.Value));
        var process = new Process();
        var clock = fork.Machine.NextClock();
        var files = new MachineFiles(fork.Machine, process, clock.GetUtcNow);
        var disk = await TrackedDisk.OpenAsync(files, IoThreads.Instance, clock, state.Definition!.TrackingPath, expected: null);
        try
        {
            if (job is null)
            {
                return new Aftermath(state, null, null, null, disk.JobsInTracking.Any(j => !earlierJobs.Contains(j.Value)), false, null);
            }

            var hasPair = disk.TryGetCheckpoint(job.Spec.Id, out var pair);
            var repositories = new MachineRepositories(files, clock) { Names = fork.Repositories };
            var data = (await repositories.OpenAsync(job.Spec.RepositoryId)).Data;
            var key = $"points/{job.Spec.Id}";
            return new Aftermath(
                state,
                job,
                hasPair ? Checks.BlocksOf(pair.Copy) : null,
                hasPair ? pair.Root : null,
                disk.JobsInTracking.Contains(job.Spec.Id),
                await data.Objects.TryGetLengthAsync(key, CancellationToken.None) is not null,
                await data.Points.TryGetAsync(new PointId(job.Spec.Id.Value), CancellationToken.None));
        }
        finally
        {
            process.Die();
        }
    }
}
