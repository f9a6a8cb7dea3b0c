namespace ActorBackup.Nbd.Transport;

/// <summary>The sending half of a connection, used by many threads.</summary>
/// <remarks>
/// One thread at a time holds the right to send. <see cref="Post"/> is for threads that must never wait for this peer: it queues, and if
/// nobody is sending it sends what the channel takes at once; the rest goes to a helper thread that exists only while a peer is
/// slow. <see cref="Send"/> is for the connection's own thread, which may wait. Whoever holds the right empties the queue before
/// giving it up. After a failure everything is dropped and the channel aborted.
/// </remarks>
internal sealed class Sender(Channel channel)
{
    private const int HelperStackBytes = 128 * 1024;
    private const int GatherBytes = 4096;

    private static readonly TimeSpan HelperLinger = TimeSpan.FromSeconds(1);

    private readonly object _gate = new();
    private OutgoingMessage? _first;
    private OutgoingMessage? _last;
    private bool _isSending;
    private int _waiting;
    private bool _helperExists;
    private bool _helperOwns;
    private volatile bool _isBroken;
    private long _sendMark;

    /// <summary>Odd while something is sent that may wait for the peer; the same as long as that is the same message.</summary>
    public long SendMark => Volatile.Read(ref _sendMark);

    /// <summary>Sends these bytes, waiting as long as it takes.</summary>
    public void Send(ReadOnlySpan<byte> bytes)
    {
        Acquire();
        _sendMark++;
        while (!bytes.IsEmpty && !_isBroken)
        {
            var sent = channel.Send(bytes, default, mayBlock: true);
            bytes = bytes[sent..];
            if (sent == 0)
            {
                Break();
            }
        }

        SendQueue(mayBlock: true);
    }

    /// <summary>Sends a message now or later; its OnSent may run before this returns.</summary>
    public void Post(OutgoingMessage message)
    {
        lock (_gate)
        {
            Append(message);
            if (_isSending)
            {
                return;
            }

            _isSending = true;
        }

        if (!SendQueue(mayBlock: false))
        {
            LetHelperSend();
        }
    }

    /// <summary>Says the end and drops what is sent later: nobody uses the channel for sending when this returns.</summary>
    /// <remarks>Waits for whoever is sending: a channel that was aborted makes that short.</remarks>
    public void Close()
    {
        Acquire();
        if (!_isBroken)
        {
            channel.SayEnd();
            _isBroken = true;
        }

        SendQueue(mayBlock: true);
    }

    private void Append(OutgoingMessage message)
    {
        message.Next = null;
        message.SentBytes = 0;
        if (_last is null)
        {
            _first = message;
        }
        else
        {
            _last.Next = message;
        }

        _last = message;
    }

    private void Acquire()
    {
        lock (_gate)
        {
            while (_isSending)
            {
                _waiting++;
                Monitor.Wait(_gate);
                _waiting--;
            }

            _isSending = true;
        }
    }

    /// <summary>Needs the right to send, and gives it up when the queue is empty.</summary>
    /// <returns>False when the channel takes no more: the caller still has the right.</returns>
    private bool SendQueue(bool mayBlock)
    {
        Span<byte> gathered = stackalloc byte[GatherBytes];
        while (PeekOrGiveUp() is { } message)
        {
            var sent = _isBroken ? 0 : SendSome(message, gathered, mayBlock);
            if (sent == Channel.WouldBlock)
            {
                return false;
            }

            if (sent == 0)
            {
                Break();
                Remove().OnSent();
                continue;
            }

            Settle(sent);
        }

        return true;
    }

    private OutgoingMessage? PeekOrGiveUp()
    {
        lock (_gate)
        {
            if (_first is null)
            {
                _sendMark += _sendMark & 1;
                _isSending = false;
                if (_waiting > 0)
                {
                    Monitor.PulseAll(_gate);
                }
            }

            return _first;
        }
    }

    private int SendSome(OutgoingMessage message, Span<byte> gathered, bool mayBlock)
    {
        if (message.Next is null || message.RestBytes > GatherBytes / 2)
        {
            return channel.Send(message.RestOfHead, message.RestOfBody, mayBlock);
        }

        var length = 0;
        for (var next = message; next is not null && next.RestBytes <= GatherBytes - length; next = next.Next)
        {
            next.RestOfHead.CopyTo(gathered[length..]);
            next.RestOfBody.CopyTo(gathered[(length + next.RestOfHead.Length)..]);
            length += next.RestBytes;
        }

        return channel.Send(gathered[..length], default, mayBlock);
    }

    private void Settle(int sent)
    {
        while (sent > 0)
        {
            var message = _first!;
            var part = Math.Min(sent, message.RestBytes);
            message.SentBytes += part;
            sent -= part;
            if (message.RestBytes == 0)
            {
                Remove().OnSent();
            }
        }
    }

    private OutgoingMessage Remove()
    {
        lock (_gate)
        {
            var message = _first!;
            _sendMark += 2 * (_sendMark & 1);
            _first = message.Next;
            if (_first is null)
            {
                _last = null;
            }

            message.Next = null;
            return message;
        }
    }

    private void Break()
    {
        _isBroken = true;
        channel.Abort();
    }

    private void LetHelperSend()
    {
        lock (_gate)
        {
            _helperOwns = true;
            if (_helperExists)
            {
                Monitor.PulseAll(_gate);
                return;
            }

            _helperExists = true;
        }

        new Thread(Help, HelperStackBytes) { IsBackground = true, Name = "nbd sender" }.Start();
    }

    private void Help()
    {
        while (AwaitOwnership())
        {
            _sendMark++;
            SendQueue(mayBlock: true);
        }
    }

    private bool AwaitOwnership()
    {
        lock (_gate)
        {
            while (!_helperOwns)
            {
                if (!Monitor.Wait(_gate, HelperLinger) && !_helperOwns)
                {
                    _helperExists = false;
                    return false;
                }
            }

            _helperOwns = false;
            return true;
        }
    }
}
