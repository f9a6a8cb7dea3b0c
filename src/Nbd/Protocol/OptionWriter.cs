using System.Buffers.Binary;
using System.Text;

namespace ActorBackup.Nbd.Protocol;

/// <summary>Appends fields to the data of an option or an option reply; throws when the destination is full.</summary>
public ref struct OptionWriter(Span<byte> destination)
{
    private readonly Span<byte> _destination = destination;

    public int WrittenBytes { get; private set; }

    public void WriteUInt16(ushort value)
    {
        BinaryPrimitives.WriteUInt16BigEndian(_destination[WrittenBytes..], value);
        WrittenBytes += sizeof(ushort);
    }

    public void WriteUInt32(uint value)
    {
        BinaryPrimitives.WriteUInt32BigEndian(_destination[WrittenBytes..], value);
        WrittenBytes += sizeof(uint);
    }

    public void WriteUInt64(ulong value)
    {
        BinaryPrimitives.WriteUInt64BigEndian(_destination[WrittenBytes..], value);
        WrittenBytes += sizeof(ulong);
    }

    /// <summary>A length of 4 bytes, then the text as UTF-8.</summary>
    public void WriteString(string value)
    {
        WriteUInt32((uint)Encoding.UTF8.GetByteCount(value));
        WriteText(value);
    }

    /// <summary>The text as UTF-8, without a length.</summary>
    public void WriteText(string value) => WrittenBytes += Encoding.UTF8.GetBytes(value, _destination[WrittenBytes..]);
}
