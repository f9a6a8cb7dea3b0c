using ActorBackup.Core.Blocks;

namespace ActorBackup.Nbd.Client;

/// <summary>The requests of a connection, found by cookie. Their number bounds how many are in flight.</summary>
#pragma warning disable CA1001 // A SemaphoreSlim without its wait handle holds nothing to dispose, and callers may still be using it.
internal sealed class RequestTable
#pragma warning restore CA1001
{
    private const int IndexBits = 16;

    private readonly Lock _gate = new();
    private readonly ClientRequest[] _requests;
    private readonly Stack<ClientRequest> _free;
    private readonly SemaphoreSlim _available;
    private ulong _begun;
    private string? _lost;

    public RequestTable(int capacity)
    {
        _requests = [.. Enumerable.Range(0, capacity).Select(i => new ClientRequest(this, i))];
        _free = new Stack<ClientRequest>(_requests);
        _available = new SemaphoreSlim(capacity, capacity);
    }

    public bool IsLost
    {
        get
        {
            lock (_gate)
            {
                return _lost is not null;
            }
        }
    }

    /// <returns>False when all requests are in use: <see cref="AwaitOneAsync"/>.</returns>
    public bool TryReserve() => _available.Wait(0, CancellationToken.None);

    public Task AwaitOneAsync(CancellationToken cancellation) => _available.WaitAsync(cancellation);

    /// <summary>Takes the request that was reserved; it awaits a reply from now on.</summary>
    /// <exception cref="BlockDeviceException">The connection is lost.</exception>
    public ClientRequest Begin(out ulong cookie)
    {
        lock (_gate)
        {
            if (_lost is not null)
            {
                _available.Release();
                throw new BlockDeviceException(BlockDeviceError.InputOutput, _lost);
            }

            var request = _free.Pop();
            cookie = (++_begun << IndexBits) | (uint)request.Index;
            return request;
        }
    }

    /// <summary>The request is about to be sent. When the connection was lost meanwhile, it has failed instead.</summary>
    public void Expect(ClientRequest request)
    {
        lock (_gate)
        {
            if (_lost is null)
            {
                request.IsAwaitingReply = true;
                return;
            }
        }

        request.Fail(BlockDeviceError.InputOutput, _lost);
        request.OnReplied();
    }

    /// <exception cref="NbdProtocolException">Nothing with this cookie awaits a reply.</exception>
    public ClientRequest Find(ulong cookie)
    {
        var index = (int)(cookie & ((1 << IndexBits) - 1));
        lock (_gate)
        {
            return index < _requests.Length && _requests[index] is { IsAwaitingReply: true } request && request.Request.Cookie == cookie
                ? request
                : throw new NbdProtocolException("The server answered what was not asked.");
        }
    }

    /// <summary>The reply is complete.</summary>
    public void Complete(ClientRequest request)
    {
        lock (_gate)
        {
            request.IsAwaitingReply = false;
        }

        request.OnReplied();
    }

    /// <summary>Fails everything that awaits a reply, and whatever is begun later.</summary>
    public void Lose(string reason)
    {
        ClientRequest[] lost;
        lock (_gate)
        {
            _lost ??= reason;
            lost = [.. _requests.Where(r => r.IsAwaitingReply)];
        }

        foreach (var request in lost)
        {
            request.Fail(BlockDeviceError.InputOutput, reason);
            Complete(request);
        }
    }

    public void Return(ClientRequest request)
    {
        lock (_gate)
        {
            _free.Push(request);
        }

        _available.Release();
    }
}
