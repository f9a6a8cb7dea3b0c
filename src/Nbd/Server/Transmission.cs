using System.Runtime.CompilerServices;
using ActorBackup.Core.Blocks;
using ActorBackup.Nbd.Protocol;
using ActorBackup.Nbd.Transport;

namespace ActorBackup.Nbd.Server;

/// <summary>The transmission phase of one connection: takes requests off the socket, asks the device, replies.</summary>
/// <remarks>
/// One thread receives. A device call that completes at once is answered into the batch, which is sent before the thread would
/// wait for input: at depth the system calls are shared, and no request changes threads. A call that does not complete at once
/// becomes a <see cref="PendingRequest"/> and is answered by whoever completes it, so it holds up no other request; replies are in no
/// particular order. Reads and writes use the receive and reply buffers in place.
/// </remarks>
internal sealed class Transmission
{
    private readonly Connection _connection;
    private readonly Agreement _agreement;
    private readonly IBlockDevice _device;
    private readonly RequestRules _rules;
    private readonly ReceiveBuffer _input;
    private readonly Sender _sender;
    private readonly ReplyBatch _batch;
    private readonly BufferPool _pool;
    private readonly InFlightRequests _inFlight;
    private readonly CancellationToken _cancellation;
    private long _payloads;
    private long _payloadMark;

    public Transmission(Connection connection, Agreement agreement, Link link)
    {
        _connection = connection;
        _agreement = agreement;
        _device = agreement.Export.Device;
        _rules = new RequestRules(_device, agreement.IsStructured, agreement.Contexts.Count > 0);
        _input = link.Input;
        _sender = link.Sender;
        _batch = link.Batch;
        _pool = link.Pool;
        _inFlight = new InFlightRequests(connection.Options.MaxInFlightRequests, connection.Options.MaxInFlightBytes, connection.Budget);
        _cancellation = connection.Cancellation;
        Format = new ReplyFormat(agreement.IsStructured);
    }

    public ReplyFormat Format { get; }

    /// <summary>Not zero while memory is held and the client is waited for; the same as before if that is still for the same thing.</summary>
    public long StallMark =>
        _inFlight.HeldBytes == 0 ? 0
        : _sender.SendMark is var mark && mark % 2 != 0 ? mark
        : -Volatile.Read(ref _payloadMark);

    /// <summary>Serves until the client leaves or breaks the protocol. When it returns, no request uses the device.</summary>
    public void Run()
    {
        while (TryReceive(out var request) && TryServe(request))
        {
        }

        _batch.Flush();
        _inFlight.AwaitNone();
    }

    /// <summary>The reply of a pending request is ready.</summary>
    public void Post(PendingRequest request) => _sender.Post(request);

    /// <summary>The reply of a pending request was sent or dropped.</summary>
    public void End(PendingRequest request) => _inFlight.End(request, request.Bytes);

    /// <summary>What to tell the client about a failed device call.</summary>
    public Refusal Explain(Exception failure)
    {
        switch (failure)
        {
            case BlockDeviceException e:
                return new Refusal(e.Error.ToErrno(), e.Message);
            case OperationCanceledException:
                return new Refusal(NbdErrno.Shutdown, "The connection is closing.");
            default:
                _connection.Options.OnUnexpected?.Invoke(failure);
                return new Refusal(NbdErrno.InputOutput, "The device failed unexpectedly.");
        }
    }

    private bool TryReceive(out RequestHeader request)
    {
        request = default;
        if (_inFlight.IsFull)
        {
            _batch.Flush();
            _inFlight.AwaitOwnRoom();
            if (!_connection.AwaitMemory(() => !_inFlight.IsFull))
            {
                return false;
            }
        }

        if (!TryFill(RequestHeader.SizeBytes) || !RequestHeader.TryRead(_input.Buffered, out request))
        {
            return false;
        }

        _input.Consume(RequestHeader.SizeBytes);
        return true;
    }

    // Replies must not wait in the batch while this thread waits for input.
    private bool TryFill(int count)
    {
        if (_input.BufferedBytes >= count)
        {
            return true;
        }

        _batch.Flush();
        return _input.TryFill(count);
    }

    private bool TryServe(in RequestHeader request)
    {
        if (_connection.IsClosing)
        {
            return TryPassOver(request);
        }

        switch (request.Command)
        {
            case NbdCommand.Disconnect:
                return false;
            case NbdCommand.Write:
                return TryServeWrite(request);
            case NbdCommand.Read when IsLarge(request) && _rules.Check(request).IsNone:
                return TryServeLargeRead(request);
            default:
                ServeWithoutPayload(request);
                return true;
        }
    }

    /// <summary>Takes a request that comes too late off the socket and leaves it without an answer.</summary>
    /// <remarks>
    /// A client that comes back sends it again to whoever serves next. It would pass an error on to its guest, be it ESHUTDOWN: QEMU does. What
    /// is left on the socket would make the end a reset, which can cost replies that are on their way.
    /// </remarks>
    private bool TryPassOver(in RequestHeader request) =>
        request.Command switch
        {
            NbdCommand.Disconnect => false,
            NbdCommand.Write => request.Length <= NbdLimits.PayloadBytes && _input.TrySkip(request.Length),
            _ => true,
        };

    // Large payloads have buffers of their own, which must not exist before there is room for them.
    private bool TryReserve(long bytes)
    {
        if (_inFlight.TryReserve(bytes))
        {
            return true;
        }

        _batch.Flush();
        return AwaitReservation(bytes);
    }

    private bool AwaitReservation(long bytes)
    {
        var isReserved = false;
        return _connection.AwaitMemory(() => isReserved = isReserved || _inFlight.TryReserve(bytes));
    }

    private void ServeWithoutPayload(in RequestHeader request)
    {
        var refusal = _rules.Check(request);
        if (!refusal.IsNone)
        {
            Reply(request, refusal);
            return;
        }

        switch (request.Command)
        {
            case NbdCommand.Read when request.Length == 0:
                Reply(request, Refusal.None);
                break;
            case NbdCommand.Read:
                ServeRead(request);
                break;
            case NbdCommand.BlockStatus:
                ServeStatus(request);
                break;
            default:
                ServeCall(request, default, null);
                break;
        }
    }

    private void ServeRead(in RequestHeader request)
    {
        var prefixBytes = Format.DataPrefixBytes;
        var sizeBytes = prefixBytes + (int)request.Length;
        var reply = _batch.Reserve(sizeBytes);
        if (!TryFinish(Read(request, reply[prefixBytes..]), out var call, out var refusal))
        {
            var buffer = _batch.Detach(sizeBytes, out var start);
            _inFlight.Begin(this, request.Length, isReserved: false).Start(call, request, request.Length, null, buffer, start);
        }
        else if (refusal.IsNone)
        {
            Format.WriteDataPrefix(reply.Span, request);
            _batch.Commit(sizeBytes);
        }
        else
        {
            Reply(request, refusal);
        }
    }

    private bool IsLarge(in RequestHeader request) => request.Length > ReplyBatch.CapacityBytes - Format.DataPrefixBytes;

    private bool TryServeLargeRead(in RequestHeader request)
    {
        if (!TryReserve(request.Length))
        {
            return false;
        }

        var prefixBytes = Format.DataPrefixBytes;
        var reply = _pool.Rent(prefixBytes + (int)request.Length);
        reply.FilledBytes = prefixBytes + (int)request.Length;
        if (!TryFinish(Read(request, reply.Array.AsMemory(prefixBytes, (int)request.Length)), out var call, out var refusal))
        {
            _inFlight.Begin(this, request.Length, isReserved: true).Start(call, request, request.Length, null, reply, 0);
            return true;
        }

        Format.WriteDataPrefix(reply.Array, request);
        SendNow(request, reply, refusal);
        _inFlight.Release(request.Length);
        return true;
    }

    private void ServeStatus(in RequestHeader request)
    {
        var reply = _pool.Rent(StatusReply.SizeBytesMax(_agreement.Contexts.Count, request));
        if (!TryFinish(StatusReply.ComposeAsync(reply, _agreement.Contexts, request, _cancellation), out var call, out var refusal))
        {
            _inFlight.Begin(this, reply.Array.Length, isReserved: false).Start(call, request, reply.Array.Length, null, reply, 0);
            return;
        }

        SendNow(request, reply, refusal);
    }

    private void SendNow(in RequestHeader request, SharedBuffer reply, in Refusal refusal)
    {
        if (refusal.IsNone)
        {
            _batch.Flush();
            _sender.Send(reply.Array.AsSpan(0, reply.FilledBytes));
        }
        else
        {
            Reply(request, refusal);
        }

        reply.Release();
    }

    private bool TryServeWrite(in RequestHeader request)
    {
        // The payload of a refused write has to be received all the same; one beyond the limit is not worth following.
        if (request.Length > NbdLimits.PayloadBytes)
        {
            return false;
        }

        var refusal = _rules.Check(request);
        if (!refusal.IsNone)
        {
            Reply(request, refusal);
            _batch.Flush();
            return _input.TrySkip(request.Length);
        }

        var length = (int)request.Length;
        if (length > BufferPool.LargeBytes - RequestHeader.SizeBytes)
        {
            return TryServeLargeWrite(request);
        }

        if (!TryFill(length))
        {
            return false;
        }

        var buffer = _input.Current;
        ServeCall(request, _input.Consume(length), buffer);
        return true;
    }

    private bool TryServeLargeWrite(in RequestHeader request)
    {
        _batch.Flush();
        if (!TryReserve(request.Length))
        {
            return false;
        }

        var buffer = _pool.Rent((int)request.Length);
        var payload = buffer.Array.AsMemory(0, (int)request.Length);
        Volatile.Write(ref _payloadMark, ++_payloads);
        var received = _input.TryReceiveInto(payload.Span);
        Volatile.Write(ref _payloadMark, 0);
        if (!received || !TryLeaveRunning(request, payload, buffer))
        {
            _inFlight.Release(request.Length);
        }

        buffer.Release();
        return received;
    }

    /// <summary>Serves what is answered without data. The buffer holds the payload; it is retained when the call goes on.</summary>
    private void ServeCall(in RequestHeader request, ReadOnlyMemory<byte> payload, SharedBuffer? buffer)
    {
        if (TryFinish(Call(request, payload), out var call, out var refusal))
        {
            Reply(request, refusal);
            return;
        }

        buffer?.Retain();
        _inFlight.Begin(this, payload.Length, isReserved: false).Start(call, request, payload.Length, buffer, null, 0);
    }

    /// <summary>Like <see cref="ServeCall"/> for what was reserved.</summary>
    /// <returns>False when the call has ended: what was reserved is free.</returns>
    private bool TryLeaveRunning(in RequestHeader request, ReadOnlyMemory<byte> payload, SharedBuffer buffer)
    {
        if (TryFinish(Call(request, payload), out var call, out var refusal))
        {
            Reply(request, refusal);
            return false;
        }

        buffer.Retain();
        _inFlight.Begin(this, payload.Length, isReserved: true).Start(call, request, payload.Length, buffer, null, 0);
        return true;
    }

    private ValueTask Read(in RequestHeader request, Memory<byte> target)
    {
        try
        {
            return _device.ReadAsync((long)request.Offset, target, _cancellation);
        }
#pragma warning disable CA1031 // Whatever a device throws is this request's failure and nobody else's.
        catch (Exception e)
#pragma warning restore CA1031
        {
            return ValueTask.FromException(e);
        }
    }

    private ValueTask Call(in RequestHeader request, ReadOnlyMemory<byte> payload)
    {
        var offset = (long)request.Offset;
        var forceUnitAccess = (request.Flags & CommandFlags.ForceUnitAccess) != 0;
        try
        {
            return request.Command switch
            {
                NbdCommand.Flush => _device.FlushAsync(_cancellation),
                _ when request.Length == 0 => ValueTask.CompletedTask,
                NbdCommand.Write => _device.WriteAsync(offset, payload, forceUnitAccess, _cancellation),
                NbdCommand.Trim => _device.TrimAsync(offset, request.Length, forceUnitAccess, _cancellation),
                NbdCommand.WriteZeroes => _device.WriteZeroesAsync(offset, request.Length, ZeroOptionsOf(request.Flags), _cancellation),
                _ => ValueTask.CompletedTask,
            };
        }
#pragma warning disable CA1031 // Whatever a device throws is this request's failure and nobody else's.
        catch (Exception e)
#pragma warning restore CA1031
        {
            return ValueTask.FromException(e);
        }
    }

    /// <returns>False when the call goes on.</returns>
    private bool TryFinish(ValueTask task, out ValueTaskAwaiter call, out Refusal refusal)
    {
        call = task.GetAwaiter();
        refusal = Refusal.None;
        if (!call.IsCompleted)
        {
            return false;
        }

        try
        {
            call.GetResult();
        }
#pragma warning disable CA1031 // Whatever a device throws is this request's failure and nobody else's.
        catch (Exception e)
#pragma warning restore CA1031
        {
            refusal = Explain(e);
        }

        return true;
    }

    private static ZeroOptions ZeroOptionsOf(CommandFlags flags) =>
        ((flags & CommandFlags.ForceUnitAccess) != 0 ? ZeroOptions.ForceUnitAccess : ZeroOptions.None)
        | ((flags & CommandFlags.NoHole) != 0 ? ZeroOptions.NoHole : ZeroOptions.None)
        | ((flags & CommandFlags.FastZero) != 0 ? ZeroOptions.Fast : ZeroOptions.None);

    private void Reply(in RequestHeader request, in Refusal refusal)
    {
        var reply = _batch.Reserve(ReplyFormat.ReplyBytesMax).Span;
        _batch.Commit(refusal.IsNone ? Format.WriteSuccess(reply, request) : Format.WriteError(reply, request, refusal.Error, refusal.Message));
    }
}
