using ActorBackup.Core.Blocks;
using ActorBackup.Nbd.Client;

namespace ActorBackup.Volumes.Backings;

/// <summary>Connections to somebody else's NBD export that come back when they are lost; requests outlive them.</summary>
/// <remarks>
/// A request that fails because its connection is gone is sent again on the next one: all of them may be repeated. Before the next one is used, what was
/// answered and not flushed yet is sent to it again (<see cref="UnflushedWrites"/>), so that a later flush is the truth. While the server is away for
/// less than <see cref="Patience"/> requests wait; beyond that each tries once and fails, and the first that succeeds ends the outage.
/// A request that the old server still has may come after newer ones if it went on by itself: rule 24 wants servers that drop the old client.
/// </remarks>
internal sealed class NbdLink : IAsyncDisposable
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private const int ConnectionsMax = 4;

    private static readonly TimeSpan FirstDelay = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan LongestDelay = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(10);

    private readonly NbdUri _uri;
    private readonly TimeProvider _time;
    private readonly UnflushedWrites? _unflushed;
    private readonly SemaphoreSlim _reconnecting = new(1);
    private NbdClient[] _clients;
    private int _turn;
    private long? _lostAt;
    private bool _closed;

    private NbdLink(NbdUri uri, TimeProvider time, NbdClient[] clients)
    {
        (_uri, _time, _clients) = (uri, time, clients);
        _unflushed = clients[0].CanFlush ? new UnflushedWrites() : null;
    }

    /// <summary>What the server said first; it may not say anything else later.</summary>
    public NbdClient Description => Volatile.Read(ref _clients)[0];

    /// <summary>Changes that a flush must cover, with copies of their bytes; null where the server cannot flush.</summary>
    public UnflushedWrites? Unflushed => _unflushed;

    /// <summary>The request failed because the server stayed away, not because it said so.</summary>
    public static bool IsAway(Exception? e) => e is BlockDeviceException { InnerException: IOException or BlockDeviceException };

    /// <exception cref="IOException">There is no server, or it refuses.</exception>
    public static async Task<NbdLink> OpenAsync(NbdUri uri, TimeProvider time) => new(uri, time, await ConnectAsync(uri).ConfigureAwait(false));

    /// <exception cref="BlockDeviceException">The server refused it, or stays away.</exception>
    public async ValueTask<T> RunAsync<T>(Func<NbdClient, ValueTask<T>> request)
    {
        var clients = Volatile.Read(ref _clients);
        while (true)
        {
            var client = clients[(int)((uint)Interlocked.Increment(ref _turn) % (uint)clients.Length)];
            try
            {
                return await request(client).ConfigureAwait(false);
            }
            catch (BlockDeviceException) when (client.IsLost && !Volatile.Read(ref _closed))
            {
                clients = await ReplaceAsync(clients).ConfigureAwait(false);
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        Volatile.Write(ref _closed, true);
        foreach (var client in Volatile.Read(ref _clients))
        {
            await client.DisposeAsync().ConfigureAwait(false);
        }
    }

    private static async Task<NbdClient[]> ConnectAsync(NbdUri uri)
    {
        using var timeout = new CancellationTokenSource(ConnectTimeout);
        var clients = new List<NbdClient>();
        try
        {
            clients.Add(await NbdClient.ConnectAsync(uri, timeout.Token).ConfigureAwait(false));
            while (clients[0].CanMultiConn && clients.Count < ConnectionsMax)
            {
                clients.Add(await NbdClient.ConnectAsync(uri, timeout.Token).ConfigureAwait(false));
            }

            return [.. clients];
        }
        catch (Exception e) when (clients.Count > 0 && e is IOException or OperationCanceledException)
        {
            // One that works is enough; a server may limit them.
            return [.. clients];
        }
        catch (OperationCanceledException e)
        {
            throw new IOException($"{uri} does not answer within {ConnectTimeout.TotalSeconds:0} seconds", e);
        }
    }

    /// <summary>Connections in place of lost ones. The first to come makes them, the others wait.</summary>
    private async Task<NbdClient[]> ReplaceAsync(NbdClient[] lost)
    {
        await _reconnecting.WaitAsync().ConfigureAwait(false);
        try
        {
            if (!ReferenceEquals(Volatile.Read(ref _clients), lost))
            {
                return Volatile.Read(ref _clients);
            }

            // The others of a lost server: what they still answer is answered before anything is sent again.
            foreach (var client in lost)
            {
                await client.DisposeAsync().ConfigureAwait(false);
            }

            return await ReconnectAsync(lost[0]).ConfigureAwait(false);
        }
        finally
        {
            _reconnecting.Release();
        }
    }

    private async Task<NbdClient[]> ReconnectAsync(NbdClient before)
    {
        var lostAt = _lostAt ??= _time.GetTimestamp();
        for (var delay = FirstDelay; ; delay = delay * 2 < LongestDelay ? delay * 2 : LongestDelay)
        {
            try
            {
                var clients = await ConnectAsync(_uri).ConfigureAwait(false);
                CheckSame(before, clients);
                await ResendAsync(clients[0]).ConfigureAwait(false);
                _lostAt = null;
                Volatile.Write(ref _clients, clients);
                return clients;
            }
            catch (Exception e) when (e is IOException or BlockDeviceException)
            {
                if (Volatile.Read(ref _closed) || _time.GetElapsedTime(lostAt) > Patience)
                {
                    throw new BlockDeviceException(BlockDeviceError.InputOutput, $"{_uri} is away: {e.Message}", e);
                }
            }

            await Task.Delay(delay, _time).ConfigureAwait(false);
        }
    }

    private static void CheckSame(NbdClient before, NbdClient[] now)
    {
        if (now[0].SizeBytes != before.SizeBytes || now[0].CanFlush != before.CanFlush || (now[0].IsReadOnly && !before.IsReadOnly))
        {
            throw new IOException($"the server came back with another export: {now[0].SizeBytes} bytes instead of {before.SizeBytes}, or without what it could do");
        }
    }

    private async Task ResendAsync(NbdClient client)
    {
        foreach (var change in _unflushed?.All() ?? [])
        {
            await SendAsync(client, change).ConfigureAwait(false);
        }
    }

    internal static ValueTask SendAsync(NbdClient client, RemoteChange change) =>
        change.Kind switch
        {
            RemoteChangeKind.Write => client.WriteAsync(change.Offset, change.Data, false, CancellationToken.None),
            RemoteChangeKind.Punch => client.WriteZeroesAsync(change.Offset, change.Length, ZeroOptions.None, CancellationToken.None),
            _ => client.WriteZeroesAsync(change.Offset, change.Length, ZeroOptions.NoHole, CancellationToken.None),
        };
}
