using ActorBackup.Core.Blocks;

namespace ActorBackup.Nbd.Protocol;

/// <summary>Error numbers to and from a block device's words.</summary>
public static class NbdErrors
{
    public static NbdErrno ToErrno(this BlockDeviceError error) =>
        error switch
        {
            BlockDeviceError.NoSpace => NbdErrno.NoSpace,
            BlockDeviceError.NotPermitted => NbdErrno.NotPermitted,
            BlockDeviceError.InvalidArgument => NbdErrno.InvalidArgument,
            BlockDeviceError.NotSupported => NbdErrno.NotSupported,
            BlockDeviceError.ShuttingDown => NbdErrno.Shutdown,
            _ => NbdErrno.InputOutput,
        };

    /// <summary>Unknown numbers are input/output errors, although the protocol suggests EINVAL: that would blame the request.</summary>
    public static BlockDeviceError ToDeviceError(this NbdErrno errno) =>
        errno switch
        {
            NbdErrno.NoSpace => BlockDeviceError.NoSpace,
            NbdErrno.NotPermitted => BlockDeviceError.NotPermitted,
            NbdErrno.InvalidArgument or NbdErrno.Overflow => BlockDeviceError.InvalidArgument,
            NbdErrno.NotSupported => BlockDeviceError.NotSupported,
            NbdErrno.Shutdown => BlockDeviceError.ShuttingDown,
            _ => BlockDeviceError.InputOutput,
        };
}
