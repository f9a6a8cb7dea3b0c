using System.Runtime.CompilerServices;
using ActorBackup.Nbd.Protocol;
using ActorBackup.Nbd.Transport;

namespace ActorBackup.Nbd.Server;

/// <summary>A request whose device call has not completed at once, then its reply until that is sent. Reused by its connection.</summary>
internal sealed class PendingRequest : OutgoingMessage
{
    private readonly Transmission _owner;
    private readonly Action _onCompleted;
    private readonly byte[] _shortReply = new byte[ReplyFormat.ReplyBytesMax];
    private RequestHeader _request;
    private ValueTaskAwaiter _call;
    private SharedBuffer? _input;
    private SharedBuffer? _output;
    private int _outputStart;

    public PendingRequest(Transmission owner)
    {
        _owner = owner;
        _onCompleted = OnCompleted;
    }

    /// <summary>Bytes counted as in flight.</summary>
    public long Bytes { get; private set; }

    /// <param name="call">Not completed when last seen.</param>
    /// <param name="request">What it answers.</param>
    /// <param name="bytes">What to count as in flight.</param>
    /// <param name="input">Holds the data that the call reads; released when it completes.</param>
    /// <param name="output">Where the call puts data, with room for the reply's prefix before it; null when the reply has no data.</param>
    /// <param name="outputStart">Where the reply begins in <paramref name="output"/>.</param>
    public void Start(ValueTaskAwaiter call, in RequestHeader request, long bytes, SharedBuffer? input, SharedBuffer? output, int outputStart)
    {
        _request = request;
        _input = input;
        _output = output;
        _outputStart = outputStart;
        Bytes = bytes;
        _call = call;

        // From here on another thread may complete, send and reuse this object.
        _call.UnsafeOnCompleted(_onCompleted);
    }

    protected internal override void OnSent()
    {
        _output?.Release();
        _output = null;
        Head = default;
        _owner.End(this);
    }

    private void OnCompleted()
    {
        try
        {
            var call = _call;
            _call = default;
            call.GetResult();
            Head = ComposeSuccess();
        }
#pragma warning disable CA1031 // Whatever a device throws is this request's failure and nobody else's.
        catch (Exception e)
#pragma warning restore CA1031
        {
            var refusal = _owner.Explain(e);
            Head = _shortReply.AsMemory(0, _owner.Format.WriteError(_shortReply, _request, refusal.Error, refusal.Message));
        }

        _input?.Release();
        _input = null;
        _owner.Post(this);
    }

    private ReadOnlyMemory<byte> ComposeSuccess()
    {
        switch (_request.Command)
        {
            case NbdCommand.Read:
                _owner.Format.WriteDataPrefix(_output!.Array.AsSpan(_outputStart), _request);
                return _output.Array.AsMemory(_outputStart, _owner.Format.DataPrefixBytes + (int)_request.Length);
            case NbdCommand.BlockStatus:
                return _output!.Array.AsMemory(0, _output.FilledBytes);
            default:
                return _shortReply.AsMemory(0, _owner.Format.WriteSuccess(_shortReply, _request));
        }
    }
}
