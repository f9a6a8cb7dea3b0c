using System.Buffers.Binary;
using System.Text;

namespace ActorBackup.Nbd.Protocol;

/// <summary>Reads fields from the data of an option or an option reply, never past its end.</summary>
public ref struct OptionReader(ReadOnlySpan<byte> data)
{
    private ReadOnlySpan<byte> _rest = data;

    public readonly int RestBytes => _rest.Length;

    public bool TryReadUInt16(out ushort value)
    {
        var fits = BinaryPrimitives.TryReadUInt16BigEndian(_rest, out value);
        _rest = fits ? _rest[sizeof(ushort)..] : _rest;
        return fits;
    }

    public bool TryReadUInt32(out uint value)
    {
        var fits = BinaryPrimitives.TryReadUInt32BigEndian(_rest, out value);
        _rest = fits ? _rest[sizeof(uint)..] : _rest;
        return fits;
    }

    public bool TryReadUInt64(out ulong value)
    {
        var fits = BinaryPrimitives.TryReadUInt64BigEndian(_rest, out value);
        _rest = fits ? _rest[sizeof(ulong)..] : _rest;
        return fits;
    }

    /// <summary>A length of 4 bytes, then that many bytes of UTF-8.</summary>
    /// <returns>False when it does not fit or is longer than <see cref="NbdLimits.StringBytes"/>.</returns>
    public bool TryReadString(out string value)
    {
        value = "";
        return TryReadUInt32(out var length) && length <= NbdLimits.StringBytes && TryReadText((int)length, out value);
    }

    /// <summary>Everything that is left, as UTF-8.</summary>
    public string ReadRest()
    {
        TryReadText(_rest.Length, out var value);
        return value;
    }

    private bool TryReadText(int length, out string value)
    {
        value = "";
        if (length > _rest.Length)
        {
            return false;
        }

        value = Encoding.UTF8.GetString(_rest[..length]);
        _rest = _rest[length..];
        return true;
    }
}
