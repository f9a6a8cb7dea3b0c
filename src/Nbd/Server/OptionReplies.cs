using ActorBackup.Nbd.Protocol;

namespace ActorBackup.Nbd.Server;

/// <summary>Writes replies to options into the batch.</summary>
internal sealed class OptionReplies(ReplyBatch batch)
{
    private delegate void WriteData<in TArgument>(ref OptionWriter writer, TArgument argument);

    public void Ack(NbdOption option) => Write(option, OptionReplyType.Ack, "", static (ref _, _) => { });

    /// <param name="option">What is answered.</param>
    /// <param name="error">An error type.</param>
    /// <param name="message">For people.</param>
    public void Error(NbdOption option, OptionReplyType error, string message) =>
        Write(option, error, message, static (ref writer, text) => writer.WriteText(text));

    public void Server(NbdExport export) =>
        Write(NbdOption.List, OptionReplyType.Server, export, static (ref writer, listed) =>
        {
            writer.WriteString(listed.Name);
            writer.WriteText(listed.Description);
        });

    public void Export(NbdOption option, long sizeBytes, TransmissionFlags flags) =>
        Write(option, OptionReplyType.Info, (sizeBytes, flags), static (ref writer, export) =>
        {
            writer.WriteUInt16((ushort)InfoType.Export);
            writer.WriteUInt64((ulong)export.sizeBytes);
            writer.WriteUInt16((ushort)export.flags);
        });

    public void Text(NbdOption option, InfoType type, string text) =>
        Write(option, OptionReplyType.Info, (type, text), static (ref writer, info) =>
        {
            writer.WriteUInt16((ushort)info.type);
            writer.WriteText(info.text);
        });

    public void BlockSize(NbdOption option, uint preferredBytes) =>
        Write(option, OptionReplyType.Info, preferredBytes, static (ref writer, preferred) =>
        {
            writer.WriteUInt16((ushort)InfoType.BlockSize);
            writer.WriteUInt32(1);
            writer.WriteUInt32(preferred);
            writer.WriteUInt32(NbdLimits.PayloadBytes);
        });

    public void MetaContext(NbdOption option, SelectedContext context) =>
        Write(option, OptionReplyType.MetaContext, context, static (ref writer, selected) =>
        {
            writer.WriteUInt32(selected.Id);
            writer.WriteText(selected.Context.Name);
        });

    private void Write<TArgument>(NbdOption option, OptionReplyType type, TArgument argument, WriteData<TArgument> writeData)
    {
        var reply = batch.Reserve(OptionReplyHeader.SizeBytes + (4 * NbdLimits.StringBytes)).Span;
        var writer = new OptionWriter(reply[OptionReplyHeader.SizeBytes..]);
        writeData(ref writer, argument);
        new OptionReplyHeader(option, type, (uint)writer.WrittenBytes).Write(reply);
        batch.Commit(OptionReplyHeader.SizeBytes + writer.WrittenBytes);
    }
}
