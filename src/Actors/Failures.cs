using ActorBackup.Core.Blocks;
using ActorBackup.Files;
using ActorBackup.Messages;
using ActorBackup.Storage;
using ActorBackup.Volumes;

namespace ActorBackup.Actors;

/// <summary>Expected failures of the outside world as refusals: one line, no stack trace.</summary>
public static class Failures
{
    public static Refusal Explain(Exception e) =>
        e switch
        {
            RefusedException x => x.Refusal,
            VolumeException x => new Refusal(CodeOf(x.Error), x.Message),
            StorageException x => new Refusal(CodeOf(x.Error), x.Message),
            FileLayerException x => new Refusal(CodeOf(x.Error), x.Message),
            BlockDeviceException x => new Refusal(x.Error == BlockDeviceError.NoSpace ? RefusalCode.NoSpace : RefusalCode.IoError, x.Message),
            AggregateException { InnerException: { } inner } => Explain(inner),
            OperationCanceledException or TimeoutException or Akka.Actor.AskTimeoutException => new Refusal(RefusalCode.NotReady, "the operation did not complete in time; try again"),
            _ => new Refusal(RefusalCode.Internal, $"{e.GetType().Name}: {e.Message.ReplaceLineEndings(" ")}"),
        };

    private static RefusalCode CodeOf(FileError error) =>
        error switch
        {
            FileError.NotFound => RefusalCode.MissingFile,
            FileError.Exists => RefusalCode.Exists,
            FileError.PermissionDenied or FileError.ReadOnly => RefusalCode.PermissionDenied,
            FileError.NoSpace => RefusalCode.NoSpace,
            FileError.IsDirectory => RefusalCode.NotAFile,
            FileError.NotSupported => RefusalCode.NotSupported,
            FileError.Busy => RefusalCode.Locked,
            _ => RefusalCode.IoError,
        };

    private static RefusalCode CodeOf(VolumeError error) =>
        error switch
        {
            VolumeError.Missing => RefusalCode.MissingFile,
            VolumeError.Exists => RefusalCode.Exists,
            VolumeError.NotAFile => RefusalCode.NotAFile,
            VolumeError.PermissionDenied => RefusalCode.PermissionDenied,
            VolumeError.InUse => RefusalCode.InUse,
            VolumeError.BadSize => RefusalCode.InvalidSize,
            VolumeError.NoSpace => RefusalCode.NoSpace,
            VolumeError.Damaged => RefusalCode.Damaged,
            VolumeError.UnknownVersion => RefusalCode.NewerVersion,
            VolumeError.UnknownBitmap => RefusalCode.UnknownBitmap,
            VolumeError.BitmapExists or VolumeError.JobExists => RefusalCode.Duplicate,
            VolumeError.BitmapBusy => RefusalCode.Busy,
            VolumeError.BitmapInconsistent => RefusalCode.Inconsistent,
            VolumeError.UnknownJob => RefusalCode.UnknownJob,
            VolumeError.Invalid => RefusalCode.InvalidArgument,
            VolumeError.Timeout => RefusalCode.NotReady,
            VolumeError.Closed => RefusalCode.WrongState,
            _ => RefusalCode.IoError,
        };

    private static RefusalCode CodeOf(StorageError error) =>
        error switch
        {
            StorageError.Missing => RefusalCode.MissingFile,
            StorageError.Exists => RefusalCode.Exists,
            StorageError.NotARepository => RefusalCode.NotARepository,
            StorageError.UnknownVersion => RefusalCode.NewerVersion,
            StorageError.Damaged or StorageError.MissingBlock => RefusalCode.Damaged,
            StorageError.PermissionDenied => RefusalCode.PermissionDenied,
            StorageError.NoSpace => RefusalCode.NoSpace,
            StorageError.IndexFull => RefusalCode.IndexFull,
            StorageError.Busy => RefusalCode.Busy,
            StorageError.Invalid => RefusalCode.InvalidArgument,
            _ => RefusalCode.IoError,
        };
}
