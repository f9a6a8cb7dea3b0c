using System.Buffers.Binary;
using System.Text;
using ActorBackup.Nbd.Protocol;
using ActorBackup.Nbd.Server;
using ActorBackup.Nbd.Transport;

namespace ActorBackup.Nbd.Client;

/// <summary>The client's side of the handshake: asks for structured replies and base:allocation, then enters the export with GO.</summary>
/// <remarks>Failures are <see cref="NbdProtocolException"/> (nonsense) and <see cref="NbdRefusedException"/> (the server says no).</remarks>
internal sealed class ClientHandshake(string exportName, ReceiveBuffer input, Sender sender)
{
    private const int GreetingBytes = 18;
    private const int DefaultBlockBytes = 4096;

    // Room for the longest option we send: a name, a query and their lengths.
    private readonly byte[] _option = new byte[OptionHeader.SizeBytes + (3 * NbdLimits.StringBytes)];

    private RemoteExport _export = new(0, TransmissionFlags.None, 1, DefaultBlockBytes, NbdLimits.PayloadBytes, IsStructured: false, AllocationContextId: null);

    private delegate void WriteData(ref OptionWriter writer);

    private delegate void ReadData(OptionReplyType type, OptionReader reader);

    /// <summary>Asks for TLS; what comes next is TLS.</summary>
    public void StartTls()
    {
        Greet();
        if (!TryAsk(NbdOption.StartTls, (ref _) => { }, (_, _) => { }, out var refusal))
        {
            throw new NbdRefusedException($"The server refuses TLS: {refusal}");
        }

        // To take what came behind the answer in the clear for the server's would let anybody speak for it.
        if (input.BufferedBytes > 0)
        {
            throw new NbdProtocolException("The server goes on in the clear where TLS has to begin.");
        }
    }

    /// <param name="isGreeted">The greeting was before TLS.</param>
    public RemoteExport Run(bool isGreeted)
    {
        if (Encoding.UTF8.GetByteCount(exportName) > NbdLimits.StringBytes)
        {
            throw new NbdRefusedException("No server has this export: the protocol allows names of at most 4096 bytes.");
        }

        if (!isGreeted)
        {
            Greet();
        }

        if (TryAsk(NbdOption.StructuredReply, (ref _) => { }, (_, _) => { }, out _))
        {
            _export = _export with { IsStructured = true };
            var request = new MetaContextRequest(exportName, [AllocationContext.ContextName]);
            TryAsk(NbdOption.SetMetaContext, request.Write, ReadContext, out _);
        }

        var info = new InfoRequest(exportName, WantsName: false, WantsDescription: false, WantsBlockSize: true);
        if (!TryAsk(NbdOption.Go, info.Write, ReadInfo, out var refusal))
        {
            throw new NbdRefusedException($"The server refuses export '{exportName}': {refusal}");
        }

        return _export.Has(TransmissionFlags.HasFlags) ? _export : throw new NbdProtocolException("The server did not describe the export.");
    }

    private void Greet()
    {
        Fill(GreetingBytes);
        var greeting = input.Consume(GreetingBytes).Span;
        if (BinaryPrimitives.ReadUInt64BigEndian(greeting) != NbdMagic.Greeting
            || BinaryPrimitives.ReadUInt64BigEndian(greeting[8..]) != NbdMagic.Option)
        {
            throw new NbdProtocolException("The peer is not a newstyle NBD server.");
        }

        var offered = (HandshakeFlags)BinaryPrimitives.ReadUInt16BigEndian(greeting[16..]);
        if ((offered & HandshakeFlags.FixedNewstyle) == 0)
        {
            throw new NbdProtocolException("The server does not speak fixed newstyle.");
        }

        Span<byte> flags = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32BigEndian(flags, (uint)(offered & (HandshakeFlags.FixedNewstyle | HandshakeFlags.NoZeroes)));
        sender.Send(flags);
    }

    /// <returns>False when the server answers with an error, which is then explained.</returns>
    private bool TryAsk(NbdOption option, WriteData writeData, ReadData readData, out string refusal)
    {
        var writer = new OptionWriter(_option.AsSpan(OptionHeader.SizeBytes));
        writeData(ref writer);
        new OptionHeader(option, (uint)writer.WrittenBytes).Write(_option);
        sender.Send(_option.AsSpan(0, OptionHeader.SizeBytes + writer.WrittenBytes));
        refusal = "";
        while (true)
        {
            var header = ReceiveReplyHeader(option);
            var reader = new OptionReader(input.Consume((int)header.Length).Span);
            if (header.IsError)
            {
                var text = reader.ReadRest();
                refusal = text.Length > 0 ? text : header.Type.ToString();
                return false;
            }

            if (header.Type == OptionReplyType.Ack)
            {
                return true;
            }

            readData(header.Type, reader);
        }
    }

    private OptionReplyHeader ReceiveReplyHeader(NbdOption option)
    {
        Fill(OptionReplyHeader.SizeBytes);
        if (!OptionReplyHeader.TryRead(input.Buffered, out var header) || header.Option != option || header.Length > NbdLimits.OptionBytes)
        {
            throw new NbdProtocolException($"The server's reply to {option} is malformed.");
        }

        input.Consume(OptionReplyHeader.SizeBytes);
        Fill((int)header.Length);
        return header;
    }

    private void ReadContext(OptionReplyType type, OptionReader reader)
    {
        if (type == OptionReplyType.MetaContext && reader.TryReadUInt32(out var id) && reader.ReadRest() == AllocationContext.ContextName)
        {
            _export = _export with { AllocationContextId = id };
        }
    }

    private void ReadInfo(OptionReplyType type, OptionReader reader)
    {
        if (type != OptionReplyType.Info || !reader.TryReadUInt16(out var kind))
        {
            return;
        }

        if ((InfoType)kind == InfoType.Export && reader.TryReadUInt64(out var size) && reader.TryReadUInt16(out var flags))
        {
            _export = size <= long.MaxValue
                ? _export with { SizeBytes = (long)size, Flags = (TransmissionFlags)flags }
                : throw new NbdProtocolException("The export is larger than can be addressed.");
        }
        else if ((InfoType)kind == InfoType.BlockSize
            && reader.TryReadUInt32(out var minimum) && reader.TryReadUInt32(out var preferred) && reader.TryReadUInt32(out var maximum))
        {
            ReadBlockSize(minimum, preferred, maximum);
        }
    }

    private void ReadBlockSize(uint minimum, uint preferred, uint maximum)
    {
        if (minimum is 0 or > NbdLimits.OptionBytes || preferred < minimum || preferred > NbdLimits.PayloadBytes || maximum < minimum)
        {
            throw new NbdProtocolException("The server's block sizes contradict each other.");
        }

        var payload = Math.Min(maximum, NbdLimits.PayloadBytes);
        _export = _export with
        {
            MinimumBlockBytes = (int)minimum,
            PreferredBlockBytes = (int)preferred,
            MaximumPayloadBytes = (int)(payload - (payload % minimum)),
        };
    }

    private void Fill(int count)
    {
        if (!input.TryFill(count))
        {
            throw new NbdProtocolException("The server ended the connection during the handshake.");
        }
    }
}
