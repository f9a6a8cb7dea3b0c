namespace ActorBackup.Nbd.Protocol;

/// <summary>Data of an INFO or GO option: which export, and what to tell about it besides size and flags.</summary>
public readonly record struct InfoRequest(string ExportName, bool WantsName, bool WantsDescription, bool WantsBlockSize)
{
    /// <returns>False when the data is malformed. Unknown kinds of information are ignored.</returns>
    public static bool TryRead(ReadOnlySpan<byte> data, out InfoRequest request)
    {
        request = default;
        var reader = new OptionReader(data);
        if (!reader.TryReadString(out var name) || !reader.TryReadUInt16(out var count) || reader.RestBytes != count * sizeof(ushort))
        {
            return false;
        }

        request = new InfoRequest(name, WantsName: false, WantsDescription: false, WantsBlockSize: false);
        while (reader.TryReadUInt16(out var type))
        {
            request = (InfoType)type switch
            {
                InfoType.Name => request with { WantsName = true },
                InfoType.Description => request with { WantsDescription = true },
                InfoType.BlockSize => request with { WantsBlockSize = true },
                _ => request,
            };
        }

        return true;
    }

    public void Write(ref OptionWriter writer)
    {
        writer.WriteString(ExportName);
        writer.WriteUInt16((ushort)((WantsName ? 1 : 0) + (WantsDescription ? 1 : 0) + (WantsBlockSize ? 1 : 0)));
        WriteIf(ref writer, WantsName, InfoType.Name);
        WriteIf(ref writer, WantsDescription, InfoType.Description);
        WriteIf(ref writer, WantsBlockSize, InfoType.BlockSize);
    }

    private static void WriteIf(ref OptionWriter writer, bool wanted, InfoType type)
    {
        if (wanted)
        {
            writer.WriteUInt16((ushort)type);
        }
    }
}
