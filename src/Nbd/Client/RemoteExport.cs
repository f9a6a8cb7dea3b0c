using ActorBackup.Nbd.Protocol;

namespace ActorBackup.Nbd.Client;

/// <summary>What a server said about the export that was entered.</summary>
internal sealed record RemoteExport(
    long SizeBytes,
    TransmissionFlags Flags,
    int MinimumBlockBytes,
    int PreferredBlockBytes,
    int MaximumPayloadBytes,
    bool IsStructured,
    uint? AllocationContextId)
{
    public bool Has(TransmissionFlags flag) => (Flags & flag) != 0;
}
