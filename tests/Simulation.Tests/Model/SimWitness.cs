using ActorBackup.Volumes.Tracking;

namespace ActorBackup.Simulation.Tests.Model;

/// <summary>The stamps of the tracking file's commands, as the journal database keeps them for one process.</summary>
internal sealed class SimWitness(World world, int process) : ITrackingWitness
{
    public ulong Intend(ulong current)
    {
        var next = world.Dice.Next();
        Register(current, next);
        return next;
    }

    public void Confirm(ulong stamp) => Register(stamp, stamp);

    private void Register(ulong stamp, ulong next)
    {
        if (world.Journal.Registered is { } row)
        {
            world.Journal.Register(process, row with { Stamp = stamp, NextStamp = next });
        }
    }
}
