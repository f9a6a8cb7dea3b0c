using ActorBackup.Core.Identity;
using ActorBackup.Messages.Disks;
using Akka.Actor;

namespace ActorBackup.Actors.Disks;

/// <content>Whether the points are still there that bitmaps count from.</content>
public sealed partial class DiskActor
{
    private bool _hasLookedAtBases;

    /// <summary>Somebody has reason to look: a point is gone, or is there again. Commands are carried out meanwhile, so a repository that hangs holds none of them up.</summary>
    /// <param name="asker">Is answered when D has what was seen; null = nobody.</param>
    private void LookAtBases(IActorRef? asker)
    {
        var (self, state, disk) = (Self, State, Local.Disk);
        Task.Run(() => BaseLook.LookAsync(state, disk, repositories)).ContinueWith(
            t => self.Tell(new BasesSeen(t.IsCompletedSuccessfully ? t.Result : new Dictionary<(PointId, string), BaseState>()), asker), TaskScheduler.Default);
    }

    private void LookAtBasesOnce()
    {
        if (!_hasLookedAtBases)
        {
            _hasLookedAtBases = true;
            LookAtBases(null);
        }
    }

    /// <param name="Points">Those that bitmaps counted from when it was looked; one may count from another one by now, of which this says nothing.</param>
    private sealed record BasesSeen(IReadOnlyDictionary<(PointId Point, string RepositoryId), BaseState> Points);
}
