using ActorBackup.Simulation.Tests.Model;
using ActorBackup.Volumes;

namespace ActorBackup.Simulation.Tests.Checks;

/// <summary>What an opening made of the bitmaps, while nothing writes yet.</summary>
internal sealed class OpeningCheck(World world, TrackedDisk disk)
{
    public void Run()
    {
        foreach (var bitmap in world.Journal.State.Bitmaps.Values)
        {
            if (!disk.BitmapSets.Contains(bitmap.SetId))
            {
                // A superblock that cannot be read takes the opening back to the one before it, which distrusts all that it has.
                if (bitmap.Persistent && bitmap.InconsistentReason is null && !world.MayDistrust && !world.Machine.TrackingSuffered)
                {
                    world.Report($"at the opening: persistent bitmap {bitmap.Name} is not in the tracking file");
                }

                continue;
            }

            var reason = disk.InconsistentReason(bitmap.SetId);
            world.Statistics.Inconsistent += reason is null ? 0 : 1;
            if (reason is not null && bitmap.InconsistentReason is null && !world.MayDistrust && !world.Machine.TrackingSuffered)
            {
                world.Report($"at the opening: bitmap {bitmap.Name} is inconsistent for no reason: {reason}");
            }

            if (reason is null && world.MustDistrust is { } why)
            {
                world.Report($"at the opening: bitmap {bitmap.Name} is believed although {why}");
            }
        }

        world.MustDistrust = null;
        new BitmapCheck(world, disk, "at the opening").Run();
    }
}
