using ActorBackup.Actors.Backups;
using ActorBackup.Actors.Catalog;
using ActorBackup.Actors.Disks;
using ActorBackup.Actors.Groups;
using ActorBackup.Actors.Index;
using ActorBackup.Actors.Persistence;
using ActorBackup.Actors.Storage;
using ActorBackup.Core.Identity;
using ActorBackup.Messages.Catalog;
using ActorBackup.Messages.Disks;
using ActorBackup.Messages.Groups;
using Akka.Actor;
using Akka.Actor.Setup;
using Akka.Cluster.Sharding;
using Akka.Configuration;

namespace ActorBackup.Actors.Cluster;

/// <summary>The actor system of one node: forms or joins the cluster, starts the shard regions and the storage supervisor.</summary>
public sealed class NodeActorSystem
{
    private static readonly TimeSpan UpPatience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan SuspendPatience = TimeSpan.FromSeconds(10);

    private readonly ActorSystem _system;
    private readonly IActorRef _storage;

    private NodeActorSystem(ActorSystem system, NodeActors actors, IRepositories repositories, IActorRef storage)
    {
        (_system, _storage) = (system, storage);
        Actors = actors;
        Repositories = repositories;
    }

    public NodeActors Actors { get; }

    public IRepositories Repositories { get; }

    public Akka.Cluster.Cluster Cluster => Akka.Cluster.Cluster.Get(_system);

    /// <summary>Completes when this node is a member, its regions answer and its disks' actors are being woken.</summary>
    public static async Task<NodeActorSystem> StartAsync(
        JournalDatabase journal, LocalDisks disks, Task disksAreOpen, string host, Config settings, TimeProvider clock)
    {
        var config = settings.WithFallback(NodeConfiguration.Build(journal.ConnectionString)).WithFallback(ConfigurationFactory.Default());
        var system = ActorSystem.Create(
            NodeConfiguration.SystemName, ActorSystemSetup.Create(BootstrapSetup.Create().WithConfig(config), journal.Setup));
        try
        {
            return await StartRegionsAsync(system, disks, disksAreOpen, host, clock).ConfigureAwait(false);
        }
        catch
        {
            await system.Terminate().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Jobs of these disks and of this node's repositories let go, so that the next start goes on with them (rule 17). What takes too long ends as by a crash.</summary>
    public Task SuspendJobsAsync(IEnumerable<DiskId> disks) => Task.WhenAll(disks.Select(SuspendJobsAsync).Append(SuspendStorageJobsAsync()));

    public Task StopAsync() => CoordinatedShutdown.Get(_system).Run(CoordinatedShutdown.ClrExitReason.Instance);

    private async Task SuspendJobsAsync(DiskId disk)
    {
        try
        {
            await Actors.Ask(new DiskCommand.SuspendJobs { Disk = disk }).WaitAsync(SuspendPatience).ConfigureAwait(false);
        }
        catch (Exception e) when (e is TimeoutException or AskTimeoutException)
        {
            // Its repository hangs, or the disk's actor does not come up.
        }
    }

    private async Task SuspendStorageJobsAsync()
    {
        try
        {
            await _storage.Ask<StorageSupervisor.Done>(new StorageSupervisor.SuspendJobs(), SuspendPatience).ConfigureAwait(false);
        }
        catch (AskTimeoutException)
        {
            // A repository hangs.
        }
    }

    /// <summary>Restores and verifications that a stop suspended go on, and those that died are concluded, whether anybody asks or not.</summary>
    private static async Task WakeStorageAsync(IActorRef catalog, IActorRef storage)
    {
        if (await catalog.Ask<CatalogReply>(new CatalogCommand.GetRepositories(), UpPatience).ConfigureAwait(false) is CatalogReply.Repositories known)
        {
            await storage.Ask<StorageSupervisor.Done>(new StorageSupervisor.Wake(known.Registered), UpPatience).ConfigureAwait(false);
        }
    }

    /// <summary>What a group had decided is carried out whether anybody asks for it or not.</summary>
    private static async Task WakeGroupsAsync(IActorRef catalog, IActorRef groups)
    {
        if (await catalog.Ask<CatalogReply>(new CatalogCommand.GetGroups(), UpPatience).ConfigureAwait(false) is CatalogReply.Groups known)
        {
            foreach (var group in known.Registered.Where(g => !g.IsConcluded))
            {
                groups.Tell(new GroupCommand.Wake { Group = group.Id }, ActorRefs.NoSender);
            }
        }
    }

    private static async Task<NodeActorSystem> StartRegionsAsync(
        ActorSystem system, LocalDisks disks, Task disksAreOpen, string host, TimeProvider clock)
    {
        var cluster = Akka.Cluster.Cluster.Get(system);
        var up = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        cluster.RegisterOnMemberUp(() => up.TrySetResult());
        if (cluster.Settings.SeedNodes.IsEmpty)
        {
            cluster.Join(cluster.SelfAddress);
        }

        await up.Task.WaitAsync(UpPatience).ConfigureAwait(false);
        await disksAreOpen.ConfigureAwait(false);
        var sharding = ClusterSharding.Get(system);
        var settings = ClusterShardingSettings.Create(system);
        var extractor = new EntityExtractor();
        var catalog = await sharding.StartAsync("catalog", _ => Props.Create(() => new CatalogActor()), settings, extractor).ConfigureAwait(false);
        var supervisor = system.ActorOf(Props.Create(() => new StorageSupervisor(host, clock)), "storage");
        var index = await sharding.StartAsync(
            "index", entity => Props.Create(() => new IndexActor(entity, catalog)), settings, extractor).ConfigureAwait(false);
        var repositories = new RepositoryAccess(catalog, supervisor, index);
        supervisor.Tell(new StorageSupervisor.Connect(repositories), ActorRefs.NoSender);
        var runner = new JobRunner(clock, disks.ScratchDirectory, disks.Exports);
        var region = await sharding.StartAsync(
            "disk",
            entity => Props.Create(() => new DiskActor(new DiskId(entity), disks, repositories, runner, clock)),
            settings,
            extractor).ConfigureAwait(false);
        runner.Disks = region;
        Func<GroupCommand.Start, Task<GroupReply>> startGroup = c => runner.Groups.Ask<GroupReply>(c, NodeActors.GroupPatience);
        var groups = await sharding.StartAsync(
            "group",
            entity => Props.Create(() => new GroupActor(new GroupId(entity), new GroupMembers(region), startGroup, catalog, clock, GroupGuards.On)),
            settings,
            extractor).ConfigureAwait(false);
        runner.Groups = groups;
        repositories.Disks = new DiskAccess(disks, region, clock);

        var actors = new NodeActors(region, groups, catalog, index);
        foreach (var disk in disks.Ids)
        {
            // Unfinished jobs are settled by the disk's actor, whether anybody asks for it or not.
            actors.Tell(new DiskCommand.Wake { Disk = disk });
            catalog.Tell(new CatalogCommand.RegisterDisk(disk, host), ActorRefs.NoSender);
        }

        await WakeGroupsAsync(catalog, groups).ConfigureAwait(false);
        await WakeStorageAsync(catalog, supervisor).ConfigureAwait(false);
        return new NodeActorSystem(system, actors, repositories, supervisor);
    }
}
