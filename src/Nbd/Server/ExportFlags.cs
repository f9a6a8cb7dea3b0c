using ActorBackup.Core.Blocks;
using ActorBackup.Nbd.Protocol;

namespace ActorBackup.Nbd.Server;

/// <summary>What a server says that an export can do.</summary>
/// <remarks>
/// CAN_MULTI_CONN promises that a FLUSH on one connection covers writes answered on all: FlushAsync of the one shared device does.
/// </remarks>
internal static class ExportFlags
{
    private const TransmissionFlags Always = TransmissionFlags.HasFlags | TransmissionFlags.SendFlush | TransmissionFlags.SendFua
        | TransmissionFlags.CanMultiConn | TransmissionFlags.SendCache;

    private const TransmissionFlags Writable = TransmissionFlags.SendWriteZeroes | TransmissionFlags.SendFastZero;

    public static TransmissionFlags Of(IBlockDevice device, bool isStructured) =>
        Always
        | (device.IsReadOnly ? TransmissionFlags.ReadOnly : Writable)
        | (device.CanTrim ? TransmissionFlags.SendTrim : TransmissionFlags.None)
        | (isStructured ? TransmissionFlags.SendDf : TransmissionFlags.None);
}
