using System.Collections.Concurrent;
using ActorBackup.Core.Identity;
using ActorBackup.Messages.Disks;
using ActorBackup.Messages.Storage;

namespace ActorBackup.Node.Http;

/// <summary>Who runs or ran a job: a disk (backup) or a repository's storage actor (restore, verify).</summary>
public readonly record struct JobOwner(DiskId? Disk, RepositoryName? Repository);

/// <summary>Finds a job's owner by asking everybody once; owners never change, so answers are kept (bounded).</summary>
public sealed class JobFinder(NodeGateway node, RepositoryGateway repositories)
{
    private const int KnownMax = 10_000;

    private readonly ConcurrentDictionary<JobId, JobOwner> _known = new();

    public void Remember(JobId job, JobOwner owner)
    {
        if (_known.Count >= KnownMax)
        {
            _known.Clear();
        }

        _known[job] = owner;
    }

    public async Task<JobOwner?> FindAsync(JobId job)
    {
        if (_known.TryGetValue(job, out var owner))
        {
            return owner;
        }

        foreach (var disk in await node.DisksAsync())
        {
            if (await node.AskAsync(new DiskQuery.GetJob(job) { Disk = disk.Id }) is DiskReply.Job)
            {
                Remember(job, new JobOwner(disk.Id, null));
                return new JobOwner(disk.Id, null);
            }
        }

        foreach (var repository in await node.RepositoriesAsync())
        {
            if (await repositories.AskAsync(repository, new StorageCommand.GetJob(job)) is StorageReply.Job)
            {
                Remember(job, new JobOwner(null, repository.Name));
                return new JobOwner(null, repository.Name);
            }
        }

        return null;
    }
}
