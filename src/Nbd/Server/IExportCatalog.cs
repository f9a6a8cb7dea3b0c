using System.Diagnostics.CodeAnalysis;

namespace ActorBackup.Nbd.Server;

/// <summary>What a server serves. It may change at any time; called from many threads, and must not block.</summary>
public interface IExportCatalog
{
    /// <param name="name">Never empty: the server resolves the default export itself.</param>
    /// <param name="export">Null when unknown.</param>
    bool TryGet(string name, [NotNullWhen(true)] out NbdExport? export);

    IReadOnlyList<NbdExport> List();
}
