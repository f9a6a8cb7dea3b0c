using ActorBackup.Core.Identity;
using ActorBackup.Messages.Disks;
using ActorBackup.Recovery.Tests.Support;

namespace ActorBackup.Recovery.Tests.Table;

/// <summary>One job from its order to its end, with a guest that writes meanwhile and a checkpoint on the way; and an image of the machine before each step of it.</summary>
internal sealed class JobLife(World world, Kind kind, Ending ending)
{
    /// <summary>Not copied when it is written; in the second region.</summary>
    private const int DirtyBlock = 72;

    /// <summary>In no bitmap; in the third region.</summary>
    private const int CleanBlock = 150;

    private readonly List<Image> _images = [];
    private string _phase = "start";
    private bool _isTaking;

    /// <summary>What a kill would leave. The last one is the end.</summary>
    public async Task<IReadOnlyList<Image>> RunAsync()
    {
        var node = await world.StartAsync(Take);
        _isTaking = true;
        var reply = await world.BackUpAsync(node, Order());
        var job = Assert.IsType<DiskReply.Job>(reply).View.Id;
        _phase = "copying";
        await world.WriteBlocksAsync(node, DirtyBlock, CleanBlock);
        if (kind.Bitmap is not null || IsPending)
        {
            await node.UntilAsync(() => node.Disk.TryGetCheckpoint(job, out var pair) && pair.Copy.Count() < CopyCount(node, job));
            await world.WriteBlocksAsync(node, CleanBlock + 1);
        }

        _phase = "ending";
        await EndAsync(node, job);
        _phase = "ended";
        _isTaking = false;
        await node.KillAsync();
        _images.Add(new Image(world.Fork(), _phase, "none"));
        return _images;
    }

    /// <summary>What is said to a job that waits for a person.</summary>
    public DiskCommand? Decision(JobId job) =>
        ending switch
        {
            Ending.Finalized => new DiskCommand.FinalizeJob(job, null) { Disk = Node.DiskId },
            Ending.KeptAfterFailure => new DiskCommand.FinalizeJob(job, true) { Disk = Node.DiskId },
            Ending.DiscardedAfterFailure => new DiskCommand.FinalizeJob(job, false) { Disk = Node.DiskId },
            _ => null,
        };

    private bool IsPending => ending is Ending.Finalized or Ending.KeptAfterFailure or Ending.DiscardedAfterFailure;

    private BackupOrder Order()
    {
        var order = world.Order(kind.Sync, kind.Sync == Core.Jobs.SyncMode.Auto ? null : kind.Bitmap, kind.Policy);
        return order with { RateBytesPerSecond = Preludes.BlockBytes / 2, AutoFinalize = !IsPending };
    }

    private async Task EndAsync(Node node, JobId job)
    {
        switch (ending)
        {
            case Ending.Success or Ending.Finalized:
                await node.DoAsync(new DiskCommand.SetJobRate(job, 0) { Disk = Node.DiskId });
                break;
            case Ending.Cancelled:
                await node.DoAsync(new DiskCommand.CancelJob(job, false) { Disk = Node.DiskId });
                break;
            case Ending.CancelledByForce:
                await node.DoAsync(new DiskCommand.CancelJob(job, true) { Disk = Node.DiskId });
                break;
            case Ending.RepositoryAway:
                node.Files.Away.Add(MachineRepositories.DirectoryOf(new RepositoryName("here")));
                await node.DoAsync(new DiskCommand.CancelJob(job, false) { Disk = Node.DiskId });
                break;
            default:
                node.Files.IsUnreadable = (_, _) => true;
                break;
        }

        await node.WaitAsync(job);
        if (Decision(job) is { } decision)
        {
            await node.DoAsync(decision);
            await node.WaitAsync(job);
        }

        node.Files.IsUnreadable = null;
        if (node.Files.Away.Remove(MachineRepositories.DirectoryOf(new RepositoryName("here"))))
        {
            await node.RecoverAsync();
        }
    }

    private long CopyCount(Node node, JobId job) =>
        kind.IsFull ? Preludes.Blocks : Checks.BlocksOf(world.Geometry, node.Disk.Extents(node.State.Jobs[job.Value].Spec.BitmapSet)).Count;

    private void Take(string step)
    {
        if (_isTaking && (ending == Ending.Success || _phase == "ending"))
        {
            _images.Add(new Image(world.Fork(), _phase, step));
        }
    }
}

/// <summary>What a kill before a step leaves.</summary>
internal sealed record Image(World World, string Phase, string Step);
