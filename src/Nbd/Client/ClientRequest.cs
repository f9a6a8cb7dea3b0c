using System.Threading.Tasks.Sources;
using ActorBackup.Core.Blocks;
using ActorBackup.Nbd.Protocol;
using ActorBackup.Nbd.Transport;

namespace ActorBackup.Nbd.Client;

/// <summary>A request from the moment it is sent until its caller has the result. Reused; the table owns it.</summary>
/// <remarks>
/// Two parties use it at once: the sender, until the last byte is out, and the reader, until the reply is complete. The caller hears
/// of the result when both are done, so nobody touches the caller's memory afterwards.
/// </remarks>
internal sealed class ClientRequest : OutgoingMessage, IValueTaskSource<int>, IValueTaskSource
{
    private readonly RequestTable _table;
    private readonly byte[] _header = new byte[RequestHeader.SizeBytes];
    private ManualResetValueTaskSourceCore<int> _source = new() { RunContinuationsAsynchronously = true };
    private BlockDeviceException? _failure;
    private int _parties;

    public ClientRequest(RequestTable table, int index)
    {
        _table = table;
        Index = index;
        Head = _header;
    }

    /// <summary>Place in the table, the low bits of every cookie of this object.</summary>
    public int Index { get; }

    /// <summary>What was asked; its cookie is different every time.</summary>
    public RequestHeader Request { get; private set; }

    /// <summary>Where the data of a READ goes.</summary>
    public Memory<byte> Target { get; private set; }

    /// <summary>Where the runs of a BLOCK_STATUS go.</summary>
    public Memory<AllocationRun> Runs { get; private set; }

    /// <summary>Runs found so far.</summary>
    public int RunCount { get; set; }

    /// <summary>Bytes of data, or covered by runs, so far.</summary>
    public long CoveredBytes { get; set; }

    public short Version => _source.Version;

    /// <summary>Called by the table, under its lock.</summary>
    public bool IsAwaitingReply { get; set; }

    public void Prepare(in RequestHeader request, ReadOnlyMemory<byte> payload, Memory<byte> target, Memory<AllocationRun> runs)
    {
        _source.Reset();
        _failure = null;
        _parties = 2;
        Request = request;
        request.Write(_header);
        Body = payload;
        Target = target;
        Runs = runs;
        RunCount = 0;
        CoveredBytes = 0;
    }

    /// <summary>The first failure counts.</summary>
    public void Fail(BlockDeviceError error, string message) => _failure ??= new BlockDeviceException(error, message);

    /// <summary>The reply is complete, or will never come.</summary>
    public void OnReplied() => Leave();

    protected internal override void OnSent() => Leave();

    int IValueTaskSource<int>.GetResult(short token) => TakeResult(token);

    void IValueTaskSource.GetResult(short token) => TakeResult(token);

    public ValueTaskSourceStatus GetStatus(short token) => _source.GetStatus(token);

    public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _source.OnCompleted(continuation, state, token, flags);

    private void Leave()
    {
        if (Interlocked.Decrement(ref _parties) > 0)
        {
            return;
        }

        if (_failure is null)
        {
            _source.SetResult(RunCount);
        }
        else
        {
            _source.SetException(_failure);
        }
    }

    private int TakeResult(short token)
    {
        try
        {
            return _source.GetResult(token);
        }
        finally
        {
            Body = default;
            Target = default;
            Runs = default;
            _table.Return(this);
        }
    }
}
