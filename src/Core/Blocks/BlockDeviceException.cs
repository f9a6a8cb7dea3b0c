namespace ActorBackup.Core.Blocks;

/// <summary>Why a block device refused or failed a request; the classes that NBD can report.</summary>
public enum BlockDeviceError
{
    InputOutput,
    NoSpace,
    NotPermitted,
    InvalidArgument,
    NotSupported,
    ShuttingDown,
}

/// <summary>An expected failure of a block device.</summary>
public sealed class BlockDeviceException(BlockDeviceError error, string message, Exception? inner = null) : Exception(message, inner)
{
    public BlockDeviceError Error { get; } = error;
}
