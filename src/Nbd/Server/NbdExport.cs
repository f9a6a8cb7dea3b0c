using System.Text;
using ActorBackup.Core.Blocks;
using ActorBackup.Nbd.Protocol;

namespace ActorBackup.Nbd.Server;

/// <summary>A block device under a name, and the clients that use it now.</summary>
/// <remarks>An export is open until it is closed, once and for ever; a device that comes back gets a new export. The device belongs to the caller.</remarks>
public sealed class NbdExport
{
    private readonly Lock _gate = new();
    private readonly HashSet<Connection> _clients = [];
    private bool _isClosed;

    /// <param name="name">1 to 4096 bytes as UTF-8.</param>
    /// <param name="device">Outlives the export: dispose of it after <see cref="CloseAsync"/>.</param>
    /// <param name="description">For people; at most 4096 bytes as UTF-8.</param>
    /// <param name="contexts">Meta contexts beside <c>base:allocation</c>, which every export has.</param>
    public NbdExport(string name, IBlockDevice device, string description = "", IReadOnlyList<IMetaContext>? contexts = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        ThrowIfTooLong(name, nameof(name));
        ThrowIfTooLong(description, nameof(description));
        Name = name;
        Device = device;
        Description = description;
        MetaContexts = [new AllocationContext(device), .. contexts ?? []];
        foreach (var context in MetaContexts)
        {
            ThrowIfTooLong(context.Name, nameof(contexts));
        }
    }

    public string Name { get; }

    public string Description { get; }

    public IBlockDevice Device { get; }

    /// <summary>Begins with <c>base:allocation</c>.</summary>
    public IReadOnlyList<IMetaContext> MetaContexts { get; }

    /// <summary>Connections that chose this export and have not ended.</summary>
    public int Clients
    {
        get
        {
            lock (_gate)
            {
                return _clients.Count;
            }
        }
    }

    public bool IsClosed
    {
        get
        {
            lock (_gate)
            {
                return _isClosed;
            }
        }
    }

    /// <summary>Refuses new clients, lets requests that have begun finish and be answered, fails later ones with ESHUTDOWN, and ends the connections.</summary>
    /// <param name="impatience">Ends the politeness: connections are cut, and device calls are asked to give up waiting.</param>
    /// <returns>
    /// True when no request uses the device any more. False when <paramref name="impatience"/> came and some device call still runs.
    /// </returns>
    public async Task<bool> CloseAsync(CancellationToken impatience = default)
    {
        Connection[] clients;
        lock (_gate)
        {
            _isClosed = true;
            clients = [.. _clients];
        }

        return await Connection.CloseAllAsync(clients, impatience).ConfigureAwait(false);
    }

    /// <returns>False when the export is closed.</returns>
    internal bool TryAttach(Connection client)
    {
        lock (_gate)
        {
            return !_isClosed && _clients.Add(client);
        }
    }

    internal void Detach(Connection client)
    {
        lock (_gate)
        {
            _clients.Remove(client);
        }
    }

    private static void ThrowIfTooLong(string value, string parameter)
    {
        if (Encoding.UTF8.GetByteCount(value) > NbdLimits.StringBytes)
        {
            throw new ArgumentException("The protocol allows strings of at most 4096 bytes.", parameter);
        }
    }
}
