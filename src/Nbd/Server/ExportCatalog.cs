using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;

namespace ActorBackup.Nbd.Server;

/// <summary>Exports by name, kept in memory.</summary>
public sealed class ExportCatalog : IExportCatalog
{
    private readonly ConcurrentDictionary<string, NbdExport> _exports = new(StringComparer.Ordinal);

    /// <returns>False when the name is taken.</returns>
    public bool TryAdd(NbdExport export) => _exports.TryAdd(export.Name, export);

    /// <summary>Stops offering this very export; its clients stay until it is closed.</summary>
    /// <returns>False when it was not there (any more).</returns>
    public bool Remove(NbdExport export) => _exports.TryRemove(KeyValuePair.Create(export.Name, export));

    public bool TryGet(string name, [NotNullWhen(true)] out NbdExport? export) => _exports.TryGetValue(name, out export);

    /// <summary>Ordered by name.</summary>
    public IReadOnlyList<NbdExport> List() => [.. _exports.Values.OrderBy(e => e.Name, StringComparer.Ordinal)];
}
