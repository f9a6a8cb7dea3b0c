using ActorBackup.Actors.Backups;
using ActorBackup.Simulation.Tests.Disks;
using ActorBackup.Simulation.Tests.Machines;
using ActorBackup.Simulation.Tests.Model;
using ActorBackup.Simulation.Tests.Stores;
using ActorBackup.Storage.Repositories;
using ActorBackup.Storage.Writing;
using ActorBackup.Volumes.Tracking;

namespace ActorBackup.Simulation.Tests.Backups;

/// <summary>A world in which the shipped copy pipeline, repository and recovery work over simulated objects.</summary>
internal static class BackupWorld
{
    private static readonly RepositoryManifest Manifest = new(World.RepositoryId, DateTimeOffset.UnixEpoch);

    public static World Create(Dice dice, CopyGuards copy, WriterGuards writer)
    {
        var world = new World(dice, TrackingGuards.On, OrderGuards.On);
        var points = new StoredPoints(world.Machine, world.Geometry, StoreFaults.Draw(dice), Manifest);
        var settings = new BackupSettings(copy, writer, dice.Pick([16 * 1024, 64 * 1024, 256 * 1024]));
        world.Use(points, (w, process) => new ShippedWork(w, process, points, settings));
        return world;
    }
}
