using System.Diagnostics.CodeAnalysis;

namespace ActorBackup.Nbd.Server;

/// <summary>Looks exports up as clients name them: the empty name is the default export, the only one there is.</summary>
internal sealed class ExportDirectory(IExportCatalog catalog)
{
    public IReadOnlyList<NbdExport> List() => catalog.List();

    public bool TryGet(string name, [NotNullWhen(true)] out NbdExport? export)
    {
        if (name.Length > 0)
        {
            return catalog.TryGet(name, out export);
        }

        export = catalog.List() is [var only] ? only : null;
        return export is not null;
    }
}
