using ActorBackup.Core.Blocks;
using ActorBackup.Files;

namespace ActorBackup.Volumes;

/// <summary>Translates failures of the file layer into those of disks.</summary>
internal static class Failures
{
    public static VolumeException ToVolume(FileLayerException e, string what, string remedy) =>
        new(ToVolumeError(e.Error), $"{what}: {e.Message}. {remedy}", e);

    /// <summary>What a guest sees.</summary>
    public static BlockDeviceException ToGuest(Exception e) =>
        e switch
        {
            BlockDeviceException guest => guest,
            FileLayerException { Error: FileError.NoSpace } => new BlockDeviceException(BlockDeviceError.NoSpace, e.Message, e),
            FileLayerException { Error: FileError.ReadOnly } => new BlockDeviceException(BlockDeviceError.NotPermitted, e.Message, e),
            VolumeException { Error: VolumeError.NoSpace } => new BlockDeviceException(BlockDeviceError.NoSpace, e.Message, e),
            VolumeException { Error: VolumeError.Closed } => new BlockDeviceException(BlockDeviceError.ShuttingDown, e.Message, e),
            _ => new BlockDeviceException(BlockDeviceError.InputOutput, e.Message, e),
        };

    /// <summary>Whether the outside world may cause it, so that it is reported rather than a bug.</summary>
    public static bool IsExpected(Exception e) => e is FileLayerException or VolumeException or BlockDeviceException;

    private static VolumeError ToVolumeError(FileError error) =>
        error switch
        {
            FileError.NotFound => VolumeError.Missing,
            FileError.Exists => VolumeError.Exists,
            FileError.PermissionDenied or FileError.ReadOnly => VolumeError.PermissionDenied,
            FileError.NoSpace => VolumeError.NoSpace,
            FileError.IsDirectory => VolumeError.NotAFile,
            FileError.Busy => VolumeError.InUse,
            _ => VolumeError.InputOutput,
        };
}
