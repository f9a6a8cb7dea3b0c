namespace ActorBackup.Nbd.Server;

/// <summary>A meta context that a client selected, under the id that this connection's replies name it by.</summary>
internal readonly record struct SelectedContext(uint Id, IMetaContext Context);
