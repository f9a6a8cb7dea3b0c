using System.Buffers.Binary;
using ActorBackup.Core.Blocks;
using ActorBackup.Nbd.Protocol;
using ActorBackup.Nbd.Server;
using ActorBackup.Nbd.Transport;

namespace ActorBackup.Nbd.Client;

/// <summary>Receives replies and gives them to the requests that they answer; data goes straight to the caller's memory.</summary>
/// <remarks>What the server says is checked against what was asked before anything is written. Used by one thread.</remarks>
internal sealed class ReplyReader(RemoteExport export, ReceiveBuffer input, RequestTable requests)
{
    private const int HoleBytes = sizeof(ulong) + sizeof(uint);

    /// <summary>Reads until the server ends the stream between two replies.</summary>
    /// <exception cref="NbdProtocolException">The stream ends elsewhere or makes no sense.</exception>
    public void Run()
    {
        while (input.TryFill(sizeof(uint)))
        {
            switch (BinaryPrimitives.ReadUInt32BigEndian(input.Buffered))
            {
                case NbdMagic.SimpleReply:
                    ReadSimpleReply();
                    break;
                case NbdMagic.StructuredReply when export.IsStructured:
                    ReadChunk();
                    break;
                default:
                    throw new NbdProtocolException("A reply has the wrong magic.");
            }
        }
    }

    private void ReadSimpleReply()
    {
        Fill(SimpleReplyHeader.SizeBytes);
        SimpleReplyHeader.TryRead(input.Consume(SimpleReplyHeader.SizeBytes).Span, out var reply);
        var request = requests.Find(reply.Cookie);
        if (reply.Error != NbdErrno.None)
        {
            request.Fail(reply.Error.ToDeviceError(), $"The server failed {request.Request.Command} with {reply.Error}.");
        }
        else if (request.Request.Command == NbdCommand.Read && !export.IsStructured)
        {
            ReceiveInto(request.Target.Span);
            request.CoveredBytes = request.Target.Length;
        }

        Finish(request);
    }

    private void ReadChunk()
    {
        Fill(ChunkHeader.SizeBytes);
        ChunkHeader.TryRead(input.Consume(ChunkHeader.SizeBytes).Span, out var chunk);
        var request = requests.Find(chunk.Cookie);
        switch (chunk.Type)
        {
            case ChunkType.None when chunk.Length == 0:
                break;
            case ChunkType.OffsetData when chunk.Length > DataChunk.OffsetBytes:
                Fill(DataChunk.OffsetBytes);
                ReceiveInto(Part(request, ReadOffset(), chunk.Length - DataChunk.OffsetBytes));
                break;
            case ChunkType.OffsetHole when chunk.Length == HoleBytes:
                Fill(HoleBytes);
                Part(request, ReadOffset(), BinaryPrimitives.ReadUInt32BigEndian(input.Consume(sizeof(uint)).Span)).Clear();
                break;
            case ChunkType.BlockStatus when request.Request.Command == NbdCommand.BlockStatus:
                ReadStatus(request, chunk.Length);
                break;
            case var _ when chunk.IsError:
                ReadError(request, chunk.Length);
                break;
            default:
                throw new NbdProtocolException($"A chunk of type {chunk.Type} and {chunk.Length} bytes makes no sense.");
        }

        if (chunk.IsDone)
        {
            Finish(request);
        }
    }

    private ulong ReadOffset() => BinaryPrimitives.ReadUInt64BigEndian(input.Consume(sizeof(ulong)).Span);

    /// <summary>The part of a READ's target that a chunk covers.</summary>
    private static Span<byte> Part(ClientRequest request, ulong offset, uint length)
    {
        var start = unchecked(offset - request.Request.Offset);
        var size = (ulong)request.Target.Length;
        if (start > size || length > size - start)
        {
            throw new NbdProtocolException("A chunk lies outside of what was asked for.");
        }

        request.CoveredBytes += length;
        return request.Target.Span.Slice((int)start, (int)length);
    }

    private void ReadStatus(ClientRequest request, uint length)
    {
        var count = (length - StatusChunk.ContextIdBytes) / StatusChunk.DescriptorBytes;
        if (count == 0 || length != StatusChunk.ContextIdBytes + (count * StatusChunk.DescriptorBytes))
        {
            throw new NbdProtocolException("A block status chunk has an impossible length.");
        }

        Fill(StatusChunk.ContextIdBytes);
        var isAllocation = BinaryPrimitives.ReadUInt32BigEndian(input.Consume(StatusChunk.ContextIdBytes).Span) == export.AllocationContextId;
        for (; count > 0; count--)
        {
            Fill(StatusChunk.DescriptorBytes);
            var (lengthBytes, flags) = StatusChunk.ReadDescriptor(input.Consume(StatusChunk.DescriptorBytes).Span);
            if (isAllocation)
            {
                Add(request, lengthBytes, flags);
            }
        }
    }

    // The last run may reach beyond what was asked for.
    private static void Add(ClientRequest request, uint lengthBytes, uint flags)
    {
        var length = Math.Min(lengthBytes, request.Request.Length - request.CoveredBytes);
        if (length > 0 && request.RunCount < request.Runs.Length)
        {
            request.Runs.Span[request.RunCount++] =
                new AllocationRun(length, (flags & AllocationContext.Hole) != 0, (flags & AllocationContext.Zero) != 0);
            request.CoveredBytes += length;
        }
    }

    private void ReadError(ClientRequest request, uint length)
    {
        if (length > NbdLimits.OptionBytes)
        {
            throw new NbdProtocolException("An error message is too long.");
        }

        Fill((int)length);
        if (!ErrorChunk.TryRead(input.Consume((int)length).Span, out var error, out var message))
        {
            throw new NbdProtocolException("An error chunk is malformed.");
        }

        request.Fail(error.ToDeviceError(), message.Length > 0 ? message : $"The server failed {request.Request.Command} with {error}.");
    }

    private void Finish(ClientRequest request)
    {
        var isShort = request.Request.Command switch
        {
            NbdCommand.Read => request.CoveredBytes != request.Request.Length,
            NbdCommand.BlockStatus => request.RunCount == 0,
            _ => false,
        };
        if (isShort)
        {
            request.Fail(BlockDeviceError.InputOutput, "The server's reply is incomplete.");
        }

        requests.Complete(request);
    }

    private void ReceiveInto(Span<byte> target)
    {
        if (!input.TryReceiveInto(target))
        {
            throw CutOff();
        }
    }

    private void Fill(int count)
    {
        if (!input.TryFill(count))
        {
            throw CutOff();
        }
    }

    private static NbdProtocolException CutOff() => new("The server ended the connection within a reply.");
}
