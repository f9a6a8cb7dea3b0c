using ActorBackup.Core.Blocks;
using ActorBackup.Nbd.Client;

namespace ActorBackup.Cli.Demo;

/// <summary>Connects to a disk's export as a guest's QEMU would: the one place that knows an NBD client.</summary>
public static class GuestConnection
{
    /// <returns>The device; dispose it to disconnect.</returns>
    /// <exception cref="DemoException">The address makes no sense.</exception>
    /// <exception cref="IOException">There is no connection.</exception>
    public static async Task<IBlockDevice> ConnectAsync(string nbdUri, CancellationToken cancellation) =>
        NbdUri.TryParse(nbdUri, out var uri)
            ? await NbdClient.ConnectAsync(uri, cancellation)
            : throw new DemoException($"the node exports the disk at '{nbdUri}', which is no NBD address");
}
