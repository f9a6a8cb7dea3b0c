using System.Buffers.Binary;
using System.Text;
using ActorBackup.Nbd.Protocol;
using ActorBackup.Nbd.Transport;

namespace ActorBackup.Nbd.Server;

/// <summary>The fixed newstyle handshake of one connection: greeting, then options until the client chooses an export or leaves.</summary>
/// <remarks>Every option but EXPORT_NAME gets an answer; what cannot be followed (wrong magic, absurd lengths) ends the connection.</remarks>
internal sealed class Handshake
{
    private const int GreetingBytes = 18;
    private const int ZeroesBytes = 124;
    private const uint ListedContextId = 0;

    private readonly Connection _connection;
    private readonly ExportDirectory _exports;
    private readonly ReceiveBuffer _input;
    private readonly ReplyBatch _batch;
    private readonly OptionReplies _replies;
    private readonly TlsStage _tls;
    private readonly bool _isGreeted;
    private bool _isStructured;
    private IReadOnlyList<SelectedContext> _contexts = [];
    private NbdExport? _contextsOf;
    private Agreement? _agreement;

    /// <param name="connection">Attached to the export that is chosen.</param>
    /// <param name="exports">To choose from.</param>
    /// <param name="link">To the client.</param>
    /// <param name="tls">Does not change while this runs.</param>
    /// <param name="clientFlags">Of a client that was greeted before TLS.</param>
    public Handshake(Connection connection, ExportDirectory exports, Link link, TlsStage tls, HandshakeFlags? clientFlags = null)
    {
        _connection = connection;
        _exports = exports;
        _input = link.Input;
        _batch = link.Batch;
        _replies = new OptionReplies(link.Batch);
        _tls = tls;
        _isGreeted = clientFlags is not null;
        ClientFlags = clientFlags ?? HandshakeFlags.None;
    }

    public HandshakeFlags ClientFlags { get; private set; }

    /// <summary>STARTTLS was agreed on: what comes next is TLS.</summary>
    public bool StartsTls { get; private set; }

    /// <returns>Null when the client left, broke the protocol, or starts TLS.</returns>
    public Agreement? Run()
    {
        if (_isGreeted || TryGreet())
        {
            while (_agreement is null && !StartsTls && TryFill(OptionHeader.SizeBytes) && OptionHeader.TryRead(_input.Buffered, out var header))
            {
                _input.Consume(OptionHeader.SizeBytes);
                if (!TryAnswer(header))
                {
                    break;
                }
            }
        }

        _batch.Flush();
        return _agreement;
    }

    private bool TryGreet()
    {
        Greet();
        return TryFill(sizeof(uint)) && TryReadClientFlags();
    }

    private void Greet()
    {
        var greeting = _batch.Reserve(GreetingBytes).Span;
        BinaryPrimitives.WriteUInt64BigEndian(greeting, NbdMagic.Greeting);
        BinaryPrimitives.WriteUInt64BigEndian(greeting[8..], NbdMagic.Option);
        BinaryPrimitives.WriteUInt16BigEndian(greeting[16..], (ushort)(HandshakeFlags.FixedNewstyle | HandshakeFlags.NoZeroes));
        _batch.Commit(GreetingBytes);
    }

    private bool TryFill(int count)
    {
        if (_input.BufferedBytes < count)
        {
            _batch.Flush();
        }

        return _input.TryFill(count);
    }

    private bool TryReadClientFlags()
    {
        ClientFlags = (HandshakeFlags)BinaryPrimitives.ReadUInt32BigEndian(_input.Consume(sizeof(uint)).Span);
        return (ClientFlags & ~(HandshakeFlags.FixedNewstyle | HandshakeFlags.NoZeroes)) == 0;
    }

    /// <returns>False when the connection ends here.</returns>
    private bool TryAnswer(OptionHeader header)
    {
        if (header.Length > NbdLimits.OptionBytes)
        {
            return TryRefuseLength(header);
        }

        if (!TryFill((int)header.Length))
        {
            return false;
        }

        var data = _input.Consume((int)header.Length).Span;
        if (header.Option != NbdOption.ExportName && (ClientFlags & HandshakeFlags.FixedNewstyle) == 0)
        {
            return false;
        }

        switch (header.Option)
        {
            case NbdOption.ExportName when _tls == TlsStage.Required:
                return false;
            case NbdOption.ExportName:
                return TryEnterByName(Encoding.UTF8.GetString(data));
            case NbdOption.Abort:
                _replies.Ack(header.Option);
                return false;
            default:
                Answer(header.Option, data);
                return true;
        }
    }

    private bool TryRefuseLength(OptionHeader header)
    {
        if (header.Length > NbdLimits.PayloadBytes || header.Option == NbdOption.ExportName)
        {
            return false;
        }

        // Earlier answers must not wait for data that may take its time.
        _batch.Flush();
        if (!_input.TrySkip(header.Length))
        {
            return false;
        }

        _replies.Error(header.Option, OptionReplyType.ErrorTooBig, "Option data is at most 64 KiB.");
        return true;
    }

    private void Answer(NbdOption option, ReadOnlySpan<byte> data)
    {
        switch (option)
        {
            case NbdOption.StartTls:
                AnswerStartTls(data);
                break;
            case var _ when _tls == TlsStage.Required:
                _replies.Error(option, OptionReplyType.ErrorTlsRequired, "This server serves nothing without TLS.");
                break;
            case NbdOption.List:
                AnswerList(data);
                break;
            case NbdOption.Info or NbdOption.Go:
                AnswerInfo(option, data);
                break;
            case NbdOption.StructuredReply:
                AnswerStructuredReply(data);
                break;
            case NbdOption.ListMetaContext or NbdOption.SetMetaContext:
                AnswerMetaContext(option, data);
                break;
            default:
                _replies.Error(option, OptionReplyType.ErrorUnsupported, "Unknown option.");
                break;
        }
    }

    private void AnswerStartTls(ReadOnlySpan<byte> data)
    {
        if (!data.IsEmpty)
        {
            _replies.Error(NbdOption.StartTls, OptionReplyType.ErrorInvalid, "STARTTLS has no data.");
        }
        else if (_tls == TlsStage.Unavailable)
        {
            _replies.Error(NbdOption.StartTls, OptionReplyType.ErrorUnsupported, "There is no TLS here.");
        }
        else if (_tls == TlsStage.Active)
        {
            _replies.Error(NbdOption.StartTls, OptionReplyType.ErrorInvalid, "TLS has been started already.");
        }
        else
        {
            StartsTls = true;
            _replies.Ack(NbdOption.StartTls);
        }
    }

    // This option has no error reply: the connection ends instead.
    private bool TryEnterByName(string name)
    {
        if (!_exports.TryGet(name, out var export) || Enter(export) != Entrance.Granted)
        {
            return false;
        }

        var zeroes = (ClientFlags & HandshakeFlags.NoZeroes) != 0 ? 0 : ZeroesBytes;
        var reply = _batch.Reserve(sizeof(ulong) + sizeof(ushort) + zeroes).Span;
        reply.Clear();
        BinaryPrimitives.WriteUInt64BigEndian(reply, (ulong)export.Device.SizeBytes);
        BinaryPrimitives.WriteUInt16BigEndian(reply[sizeof(ulong)..], (ushort)ExportFlags.Of(export.Device, _isStructured));
        _batch.Commit(reply.Length);
        return true;
    }

    private void AnswerList(ReadOnlySpan<byte> data)
    {
        if (!data.IsEmpty)
        {
            _replies.Error(NbdOption.List, OptionReplyType.ErrorInvalid, "LIST has no data.");
            return;
        }

        foreach (var export in _exports.List())
        {
            _replies.Server(export);
        }

        _replies.Ack(NbdOption.List);
    }

    private void AnswerStructuredReply(ReadOnlySpan<byte> data)
    {
        if (!data.IsEmpty)
        {
            _replies.Error(NbdOption.StructuredReply, OptionReplyType.ErrorInvalid, "STRUCTURED_REPLY has no data.");
            return;
        }

        _isStructured = true;
        _replies.Ack(NbdOption.StructuredReply);
    }

    private void AnswerInfo(NbdOption option, ReadOnlySpan<byte> data)
    {
        if (!InfoRequest.TryRead(data, out var request))
        {
            _replies.Error(option, OptionReplyType.ErrorInvalid, "Malformed data.");
        }
        else if (!_exports.TryGet(request.ExportName, out var export))
        {
            _replies.Error(option, OptionReplyType.ErrorUnknown, "No such export.");
        }
        else
        {
            AnswerEntrance(option, export, request);
        }
    }

    private void AnswerEntrance(NbdOption option, NbdExport export, InfoRequest request)
    {
        switch (option == NbdOption.Go ? Enter(export) : export.IsClosed ? Entrance.Closing : Entrance.Granted)
        {
            case Entrance.Full:
                _replies.Error(option, OptionReplyType.ErrorPolicy, "The server has as many clients as it takes; try again later.");
                break;
            case Entrance.Closing:
                _replies.Error(option, OptionReplyType.ErrorShutdown, "The export is closing.");
                break;
            default:
                Describe(option, export, request);
                break;
        }
    }

    private void Describe(NbdOption option, NbdExport export, InfoRequest request)
    {
        _replies.Export(option, export.Device.SizeBytes, ExportFlags.Of(export.Device, _isStructured));
        if (request.WantsName)
        {
            _replies.Text(option, InfoType.Name, export.Name);
        }

        if (request.WantsDescription && export.Description.Length > 0)
        {
            _replies.Text(option, InfoType.Description, export.Description);
        }

        if (request.WantsBlockSize)
        {
            _replies.BlockSize(option, (uint)export.Device.PreferredBlockBytes);
        }

        _replies.Ack(option);
    }

    private void AnswerMetaContext(NbdOption option, ReadOnlySpan<byte> data)
    {
        if (option == NbdOption.SetMetaContext)
        {
            // It replaces earlier selections even when it fails.
            _contextsOf = null;
            _contexts = [];
        }

        if (!_isStructured)
        {
            _replies.Error(option, OptionReplyType.ErrorInvalid, "Meta contexts need structured replies.");
        }
        else if (!MetaContextRequest.TryRead(data, out var request))
        {
            _replies.Error(option, OptionReplyType.ErrorInvalid, "Malformed data.");
        }
        else if (!_exports.TryGet(request.ExportName, out var export))
        {
            _replies.Error(option, OptionReplyType.ErrorUnknown, "No such export.");
        }
        else if (option == NbdOption.SetMetaContext)
        {
            SetContexts(export, MetaContextSelection.Select(export.MetaContexts, request.Queries));
        }
        else
        {
            ListContexts(MetaContextSelection.Search(export.MetaContexts, request.Queries));
        }
    }

    private void SetContexts(NbdExport export, IReadOnlyList<SelectedContext> contexts)
    {
        _contextsOf = export;
        _contexts = contexts;
        foreach (var context in contexts)
        {
            _replies.MetaContext(NbdOption.SetMetaContext, context);
        }

        _replies.Ack(NbdOption.SetMetaContext);
    }

    private void ListContexts(IReadOnlyList<SelectedContext> contexts)
    {
        foreach (var context in contexts)
        {
            _replies.MetaContext(NbdOption.ListMetaContext, context with { Id = ListedContextId });
        }

        _replies.Ack(NbdOption.ListMetaContext);
    }

    // Contexts that were selected for another export do not count.
    private Entrance Enter(NbdExport export)
    {
        var contexts = _contextsOf == export ? _contexts : [];
        var entrance = _connection.Enter(export, contexts);
        if (entrance == Entrance.Granted)
        {
            _agreement = new Agreement(export, _isStructured, contexts);
        }

        return entrance;
    }
}
