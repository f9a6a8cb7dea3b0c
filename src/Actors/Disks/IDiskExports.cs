using ActorBackup.Core.Blocks;

namespace ActorBackup.Actors.Disks;

/// <summary>The node's NBD exports, as the disks see them.</summary>
public interface IDiskExports
{
    /// <summary>Serves the device under the name from now on.</summary>
    void Add(string name, string description, IBlockDevice device);

    /// <summary>Refuses new clients, lets requests in flight finish, disconnects. Absent is no error.</summary>
    Task RemoveAsync(string name);

    /// <summary>Null when there is no such export.</summary>
    ExportView? Find(string name);
}

/// <param name="Uri">NBD URI.</param>
/// <param name="Clients">Connections now.</param>
public sealed record ExportView(string Uri, int Clients);
