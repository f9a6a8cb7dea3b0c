using ActorBackup.Simulation.Tests.Machines;
using ActorBackup.Simulation.Tests.Stores;
using ActorBackup.Storage.Index;
using ActorBackup.Storage.Repositories;
using ActorBackup.Storage.Writing;

namespace ActorBackup.Simulation.Tests.Repositories;

/// <summary>A process with the shipped repository open.</summary>
internal sealed class RepositoryProcess(RepositoryWorld world, CrashPlan? crash) : SimProcess(world.Machine, crash)
{
    public int Running { get; private set; }

    public Repository? Repository { get; private set; }

    /// <exception cref="Storage.StorageException">It cannot be opened.</exception>
    public async Task OpenAsync()
    {
        var store = new SimObjectStore(world.Objects, world.Machine, this);
        var engine = new DigestIndex();
        await IndexLoader.LoadAsync(store, f => engine.Record(f.Key, f.Blocks), SimTasks.Instance, CancellationToken.None);
        var index = new SimIndex(new LocalDigestIndex(engine), world.Objects.Faults.IndexLoses, this, world.Dice);
        Repository = await Repository.OpenAsync(store, index, Clock, new RepositoryWriter(store, index, Clock, world.PackBytes, world.Guards), CancellationToken.None);
    }

    /// <summary>A session beside the others.</summary>
    public void StartSession(bool isQuiet) => Start(async () =>
    {
        Running++;
        await new SessionLife(world, this, isQuiet).RunAsync();
        Running--;
    });
}
