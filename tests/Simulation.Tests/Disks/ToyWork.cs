using ActorBackup.Core.Identity;
using ActorBackup.Messages.Disks;
using ActorBackup.Simulation.Tests.Model;

namespace ActorBackup.Simulation.Tests.Disks;

/// <summary>Backups over the toy repository, by stand-ins for the shipped run and recovery that guards can be taken from.</summary>
internal sealed class ToyWork(World world, DiskProcess process) : IRepositoryWork
{
    public Task<bool?> FindBaseAsync(PointId? basePoint) => Task.FromResult<bool?>(basePoint is { } p && world.Toy.Find(process.Number, p) is not null);

    public void StartJob(BackupSpec spec)
    {
        var run = new BackupJob(world, process, spec);
        process.Running[spec.Id] = run;
        process.Start(() => run.RunAsync());
    }

    public Task RecoverAsync() => new DiskRecovery(world, process).RunAsync();

    public Task DeletePointAsync(PointId point) => new PointDeletion(world, process).RunAsync(point);

    public BackupOrder Vary(BackupOrder order) => order;
}
