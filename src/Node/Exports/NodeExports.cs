using System.Net;
using ActorBackup.Actors.Disks;
using ActorBackup.Core.Blocks;
using ActorBackup.Nbd.Client;
using ActorBackup.Nbd.Server;

namespace ActorBackup.Node.Exports;

/// <summary>What this node serves over NBD: disks under their ids, and points while they are exported.</summary>
public sealed class NodeExports(string socketPath) : IDiskExports
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private (DnsEndPoint EndPoint, bool IsSecure)? _tcp;

    public ExportCatalog Catalog { get; } = new();

    public void Add(string name, string description, IBlockDevice device, IReadOnlyList<IMetaContext> contexts) => TryAdd(name, description, device, contexts);

    /// <returns>False when the name is taken.</returns>
    public bool TryAdd(string name, string description, IBlockDevice device, IReadOnlyList<IMetaContext> contexts) =>
        Catalog.TryAdd(new NbdExport(name, device, description, WithDepth(device, contexts)));

    public bool TryOffer(string name, IReadOnlyList<IMetaContext> contexts) =>
        !Catalog.TryGet(name, out var export) || export.TryOffer(WithDepth(export.Device, contexts));

    public void Offer(string name, IReadOnlyList<IMetaContext> contexts)
    {
        if (Catalog.TryGet(name, out var export))
        {
            export.Offer(WithDepth(export.Device, contexts));
        }
    }

    public bool TryRemoveIdle(string name)
    {
        if (!Catalog.TryGet(name, out var export))
        {
            return true;
        }

        if (!export.TryCloseIdle())
        {
            return false;
        }

        Catalog.Remove(export);
        return true;
    }

    public async Task RemoveAsync(string name)
    {
        if (!Catalog.TryGet(name, out var export) || !Catalog.Remove(export))
        {
            return;
        }

        using var impatience = new CancellationTokenSource(Patience);
        await export.CloseAsync(impatience.Token);
    }

    public ExportView? Find(string name) =>
        Catalog.TryGet(name, out var export) ? new ExportView(UriOf(name), export.Clients) : null;

    /// <summary>Exports are served over TCP, too.</summary>
    /// <param name="endPoint">Host and port for clients.</param>
    /// <param name="isSecure">Clients are to use TLS.</param>
    public void ServeTcp(DnsEndPoint endPoint, bool isSecure) => _tcp = (endPoint, isSecure);

    /// <summary>Null when there is no such export or no TCP.</summary>
    public string? TcpUriOf(string name) =>
        _tcp is var (endPoint, isSecure) && Catalog.TryGet(name, out _) ? NbdUri.Tcp(endPoint.Host, endPoint.Port, name, isSecure).ToString() : null;

    private static IReadOnlyList<IMetaContext> WithDepth(IBlockDevice device, IReadOnlyList<IMetaContext> contexts) =>
        [new AllocationDepthContext(device), .. contexts];

    public string UriOf(string name) => $"nbd+unix:///{Uri.EscapeDataString(name)}?socket={Uri.EscapeDataString(socketPath).Replace("%2F", "/", StringComparison.Ordinal)}";
}
