using System.Net;
using System.Net.Sockets;
using ActorBackup.Actors.Cluster;
using ActorBackup.Actors.Disks;
using ActorBackup.Actors.Persistence;
using ActorBackup.Actors.Storage;
using ActorBackup.Api;
using ActorBackup.Files;
using ActorBackup.Nbd.Server;
using ActorBackup.Node.Exports;
using ActorBackup.Node.Http;

namespace ActorBackup.Node.Startup;

/// <summary>Everything below the HTTP API, in the order in which it starts: journal database, disks and their exports, then the cluster.</summary>
/// <remarks>Exports serve from their tracking files before the actor system exists; handlers wait for it.</remarks>
public sealed class NodeSystem : IAsyncDisposable
{
    private readonly NbdServer _nbd;
    private readonly Task<NodeActorSystem> _actors;

    private NodeSystem(LocalDisks disks, NodeExports exports, NbdServer nbd, string nbdAddress, Task<NodeActorSystem> actors)
    {
        Disks = disks;
        Exports = exports;
        _nbd = nbd;
        NbdAddress = nbdAddress;
        _actors = actors;
        Gateway = new NodeGateway(ActorsAsync());
    }

    public LocalDisks Disks { get; }

    public NodeExports Exports { get; }

    public NodeGateway Gateway { get; }

    /// <summary>For the ready line.</summary>
    public string NbdAddress { get; }

    public static async Task<NodeSystem> StartAsync(NodeOptions options, DataDirectory data)
    {
        var journal = new JournalDatabase(data.JournalPath);
        var register = new TrackingRegister(journal);
        register.Initialize();
        var exportRegister = new ExportRegister(journal);
        exportRegister.Initialize();
        var exports = new NodeExports(options.NbdSocket);
        var disks = new LocalDisks(
            LinuxFileLayer.Instance,
            IoThreads.Instance,
            TimeProvider.System,
            register,
            exportRegister,
            exports,
            new TrackingPlace(LinuxFileLayer.Instance, data.TrackingPath),
            options.Host,
            data.ScratchPath);

        // The actor system takes longest to start and needs nothing of the disks until it is up.
        var opened = disks.OpenAllAsync();
        var actors = NodeActorSystem.StartAsync(journal, disks, opened, options.Host, options.Settings, TimeProvider.System);
        try
        {
            await opened;
            var nbd = new NbdServer(exports.Catalog, new NbdServerOptions
            {
                UnixSocketPath = options.NbdSocket,
                TcpEndPoint = options.NbdTcp,
                Tls = options.NbdTls,
                OnUnexpected = e => Console.Error.WriteLine($"nbd: {e.GetType().Name}: {e.Message}"),
            });
            nbd.Start();
            if (nbd.TcpEndPoint is { } served)
            {
                var isAny = served.Address.Equals(IPAddress.Any) || served.Address.Equals(IPAddress.IPv6Any);
                exports.ServeTcp(new DnsEndPoint(isAny ? options.Host : served.Address.ToString(), served.Port), options.NbdTls is not null);
            }

            var address = $"unix:{options.NbdSocket}" + (nbd.TcpEndPoint is { } tcp ? $",tcp:{tcp}" : "");
            return new NodeSystem(disks, exports, nbd, address, actors);
        }
        catch (Exception e) when (e is SocketException or IOException or UnauthorizedAccessException)
        {
            await disks.CloseAllAsync();
            var where = options.NbdTcp is null ? options.NbdSocket : $"{options.NbdSocket} or {options.NbdTcp}";
            throw new StartupException(ExitCodes.Failed, $"cannot serve NBD on {where}: {e.Message}; choose another --nbd-socket or --nbd");
        }
    }

    public async Task<IRepositories> RepositoriesAsync() => (await _actors).Repositories;

    public ClusterResource DescribeCluster()
    {
        var cluster = _actors.Result.Cluster;
        var state = cluster.State;
        return new ClusterResource(
            [.. state.Members.Select(m => new ClusterMemberResource(m.Address.ToString(), [.. m.Roles.Where(r => !r.StartsWith("dc-", StringComparison.Ordinal))], Answers.Lower(m.Status), m.Address == cluster.SelfAddress ? Disks.Host : null))],
            [.. state.Unreachable.Select(m => m.Address.ToString())],
            state.Leader?.ToString());
    }

    /// <summary>Jobs let go first, while guests are served; then actors, so that none starts; then exports, politely; then the disks with their last checkpoint.</summary>
    public async Task StopAsync()
    {
        if (_actors.IsCompletedSuccessfully)
        {
            await _actors.Result.SuspendJobsAsync(Disks.Ids);
            await _actors.Result.StopAsync();
        }

        await _nbd.StopAsync();
        await Disks.CloseAllAsync();
    }

    public ValueTask DisposeAsync() => _nbd.DisposeAsync();

    private async Task<NodeActors> ActorsAsync() => (await _actors).Actors;
}
