using ActorBackup.Nbd.Protocol;
using ActorBackup.Nbd.Transport;

namespace ActorBackup.Nbd.Client;

/// <summary>A DISC request; nothing answers it.</summary>
internal sealed class Goodbye : OutgoingMessage
{
    public Goodbye()
    {
        var header = new byte[RequestHeader.SizeBytes];
        new RequestHeader(CommandFlags.None, NbdCommand.Disconnect, 0, 0, 0).Write(header);
        Head = header;
    }

    protected internal override void OnSent()
    {
    }
}
