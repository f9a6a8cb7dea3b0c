namespace ActorBackup.Nbd.Server;

/// <summary>What a handshake led to. The connection is already attached to the export.</summary>
internal sealed record Agreement(NbdExport Export, bool IsStructured, IReadOnlyList<SelectedContext> Contexts);
