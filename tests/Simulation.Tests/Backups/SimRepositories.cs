using ActorBackup.Actors;
using ActorBackup.Actors.Index;
using ActorBackup.Actors.Storage;
using ActorBackup.Core.Identity;
using ActorBackup.Messages.Catalog;
using ActorBackup.Messages.Storage;
using ActorBackup.Simulation.Tests.Disks;
using ActorBackup.Simulation.Tests.Machines;
using ActorBackup.Simulation.Tests.Model;
using ActorBackup.Simulation.Tests.Stores;
using ActorBackup.Storage;
using ActorBackup.Storage.Index;
using ActorBackup.Storage.Repositories;
using ActorBackup.Storage.Writing;
using Akka.Actor;

namespace ActorBackup.Simulation.Tests.Backups;

/// <summary>The repository as one process opens it, when it is first asked for: the shipped one over simulated objects and an index in memory.</summary>
internal sealed class SimRepositories(World world, DiskProcess process, StoredPoints points, BackupSettings settings) : IRepositories
{
    private static readonly RegisteredRepository Registered = new(new RepositoryName("r"), "sim:store", World.RepositoryId, true);

    private Task<OpenRepository>? _open;

    public async Task<OpenRepository> OpenAsync(string repositoryId)
    {
        var open = _open ??= OpenAsync();
        try
        {
            return await open;
        }
        catch (StorageException e)
        {
            _open = _open == open ? null : _open;
            throw new RefusedException(Actors.Failures.Explain(e));
        }
    }

    public Task<StorageReply> AskAsync(RegisteredRepository repository, StorageCommand command) => throw new NotSupportedException();

    private async Task<OpenRepository> OpenAsync()
    {
        var store = new SimObjectStore(points.Objects, world.Machine, process);
        var engine = new DigestIndex();
        await IndexLoader.LoadAsync(store, f => engine.Record(f.Key, f.Blocks), SimTasks.Instance, CancellationToken.None);
        var index = new SimIndex(new LocalDigestIndex(engine), points.Objects.Faults.IndexLoses, process, world.Dice);
        var writer = new RepositoryWriter(store, index, process.Clock, settings.PackBytes, settings.Writer);
        var data = await Repository.OpenAsync(store, index, process.Clock, writer, CancellationToken.None);
        return new OpenRepository(Registered, data, new IndexActorClient(World.RepositoryId, ActorRefs.Nobody));
    }
}
