using ActorBackup.Core.Blocks;
using ActorBackup.Nbd.Server;

namespace ActorBackup.Actors.Disks;

/// <summary>The node's NBD exports, as the disks see them.</summary>
public interface IDiskExports
{
    /// <summary>Serves the device under the name from now on.</summary>
    /// <param name="name">Of the export.</param>
    /// <param name="description">For people.</param>
    /// <param name="device">What is served.</param>
    /// <param name="contexts">Beside those that every export has.</param>
    void Add(string name, string description, IBlockDevice device, IReadOnlyList<IMetaContext> contexts);

    /// <summary>Changes which contexts clients find from now on; those that are connected keep theirs. Absent is no error.</summary>
    /// <returns>False, and nothing has changed, when a context would go that a client uses.</returns>
    bool TryOffer(string name, IReadOnlyList<IMetaContext> contexts);

    /// <summary>The same, whoever uses what goes.</summary>
    void Offer(string name, IReadOnlyList<IMetaContext> contexts);

    /// <summary>Ends the export, if no client is connected. Absent is no error.</summary>
    /// <returns>False when a client is.</returns>
    bool TryRemoveIdle(string name);

    /// <summary>Refuses new clients, lets requests in flight finish, disconnects. Absent is no error.</summary>
    Task RemoveAsync(string name);

    /// <summary>Null when there is no such export.</summary>
    ExportView? Find(string name);
}

/// <param name="Uri">NBD URI.</param>
/// <param name="Clients">Connections now.</param>
public sealed record ExportView(string Uri, int Clients);
