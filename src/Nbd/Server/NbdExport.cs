using System.Text;
using ActorBackup.Core.Blocks;
using ActorBackup.Nbd.Protocol;

namespace ActorBackup.Nbd.Server;

/// <summary>A block device under a name, and the clients that use it now.</summary>
/// <remarks>
/// An export is open until it is closed, once and for ever; a device that comes back gets a new export. The device belongs to the caller.
/// A connection keeps the meta contexts that it chose; those that it may choose can change.
/// </remarks>
public sealed class NbdExport
{
    private readonly Lock _gate = new();
    private readonly Dictionary<Connection, IReadOnlyList<SelectedContext>> _clients = [];
    private readonly AllocationContext _allocation;
    private volatile IReadOnlyList<IMetaContext> _contexts;
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
        _allocation = new AllocationContext(device);
        _contexts = WithAllocation(contexts ?? []);
    }

    public string Name { get; }

    public string Description { get; }

    public IBlockDevice Device { get; }

    /// <summary>What clients may choose now; begins with <c>base:allocation</c>.</summary>
    public IReadOnlyList<IMetaContext> MetaContexts => _contexts;

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

    /// <summary>Changes what clients may choose from now on. A context that equals one that is there stays the one it is.</summary>
    /// <param name="contexts">Beside <c>base:allocation</c>.</param>
    /// <returns>False, and nothing has changed, when a connected client uses a context that would go.</returns>
    public bool TryOffer(IReadOnlyList<IMetaContext> contexts)
    {
        lock (_gate)
        {
            var isUsed = _clients.Values.Any(chosen => chosen.Any(c => c.Context != _allocation && !contexts.Contains(c.Context)));
            if (!isUsed)
            {
                Offer(contexts);
            }

            return !isUsed;
        }
    }

    /// <summary>The same, whoever uses what goes; its own word is then all that tells a client.</summary>
    public void Offer(IReadOnlyList<IMetaContext> contexts)
    {
        lock (_gate)
        {
            var known = _contexts;
            _contexts = WithAllocation([.. contexts.Select(c => known.FirstOrDefault(k => k.Equals(c)) ?? c)]);
        }
    }

    /// <summary>Refuses new clients, if there is none now.</summary>
    /// <returns>False when there is one: the export stays open.</returns>
    public bool TryCloseIdle()
    {
        lock (_gate)
        {
            return _isClosed |= _clients.Count == 0;
        }
    }

    /// <summary>Refuses new clients, lets requests that have begun finish and be answered, leaves later ones without an answer, and ends the connections.</summary>
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
            clients = [.. _clients.Keys];
        }

        return await Connection.CloseAllAsync(clients, impatience).ConfigureAwait(false);
    }

    /// <returns>False when the export is closed, or a context that the client chose is not offered any more.</returns>
    internal bool TryAttach(Connection client, IReadOnlyList<SelectedContext> chosen)
    {
        lock (_gate)
        {
            return !_isClosed && chosen.All(c => _contexts.Contains(c.Context)) && _clients.TryAdd(client, chosen);
        }
    }

    internal void Detach(Connection client)
    {
        lock (_gate)
        {
            _clients.Remove(client);
        }
    }

    private IReadOnlyList<IMetaContext> WithAllocation(IReadOnlyList<IMetaContext> contexts)
    {
        foreach (var context in contexts)
        {
            ThrowIfTooLong(context.Name, nameof(contexts));
        }

        return [_allocation, .. contexts];
    }

    private static void ThrowIfTooLong(string value, string parameter)
    {
        if (Encoding.UTF8.GetByteCount(value) > NbdLimits.StringBytes)
        {
            throw new ArgumentException("The protocol allows strings of at most 4096 bytes.", parameter);
        }
    }
}
