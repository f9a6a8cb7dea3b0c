namespace ActorBackup.Nbd.Protocol;

/// <summary>Data of a LIST_META_CONTEXT or SET_META_CONTEXT option: an export and the queries about it.</summary>
public sealed record MetaContextRequest(string ExportName, IReadOnlyList<string> Queries)
{
    /// <returns>False when the data is malformed.</returns>
    public static bool TryRead(ReadOnlySpan<byte> data, out MetaContextRequest request)
    {
        var reader = new OptionReader(data);
        var queries = new List<string>();
        var valid = reader.TryReadString(out var name) && reader.TryReadUInt32(out var count) && TryReadQueries(ref reader, count, queries);
        request = new MetaContextRequest(name, queries);
        return valid;
    }

    public void Write(ref OptionWriter writer)
    {
        writer.WriteString(ExportName);
        writer.WriteUInt32((uint)Queries.Count);
        foreach (var query in Queries)
        {
            writer.WriteString(query);
        }
    }

    // The claimed count is not trusted with memory: every query takes at least its length field from the data.
    private static bool TryReadQueries(ref OptionReader reader, uint count, List<string> queries)
    {
        for (uint i = 0; i < count; i++)
        {
            if (!reader.TryReadString(out var query))
            {
                return false;
            }

            queries.Add(query);
        }

        return reader.RestBytes == 0;
    }
}
