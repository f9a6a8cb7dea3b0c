using ActorBackup.Core.Identity;
using ActorBackup.Files;
using ActorBackup.Storage.Points;
using ActorBackup.Storage.Reading;
using ActorBackup.Storage.Repositories;
using ActorBackup.Storage.Trees;

namespace ActorBackup.Storage.Restoring;

/// <summary>Writes a point into a file, which appears under its name only when it is whole and durable. Zero blocks stay holes.</summary>
/// <remarks>
/// What is not whole has the name of <see cref="PartialPathOf"/>, which says of which point it is. It stays when the restore is cancelled, dies with its
/// process or meets a failure that may pass; the next restore of that point to that path compares what is there by digest and goes on. Any other failure
/// removes it.
/// </remarks>
public sealed class FileRestore(Repository repository, RecoveryPoint point, string target, bool replace, IFileLayer files, IReadProgress progress)
{
    /// <summary>Locked while a restore writes, so that another one of the same point to the same path keeps away.</summary>
    private const long LockedByte = 0;

    private readonly string _partial = PartialPathOf(target, point.Id);

    /// <summary>Where a restore that has not ended keeps what it has.</summary>
    public static string PartialPathOf(string target, PointId point) => $"{target}.partial-{point}";

    /// <exception cref="StorageException">The point cannot be read, or the target not be written.</exception>
    public async Task RunAsync(CancellationToken cancellation)
    {
        try
        {
            EnsureTarget();
            await EnsureRoomAsync(cancellation).ConfigureAwait(false);
            using var file = OpenPartial();
            var written = new FileTarget(file);
            try
            {
                file.SetLength(point.SizeBytes);
                await new PointCopy(repository, point, written, progress).RunAsync(cancellation).ConfigureAwait(false);
                cancellation.ThrowIfCancellationRequested();
                Publish();
            }
            catch (Exception e) when (written.HasFailedToSync || (e is not OperationCanceledException && !MayPass(e)))
            {
                TryDelete(_partial);
                throw;
            }
        }
        catch (FileLayerException e)
        {
            throw Explain(e);
        }
        catch (StorageException e) when (Kept() is { Length: > 0 } kept && MayPass(e))
        {
            throw new StorageException(e.Error, e.Message + kept, e);
        }
    }

    /// <summary>Another try may well succeed, and would have to write everything again.</summary>
    private static bool MayPass(Exception e) =>
        e is StorageException { Error: StorageError.InputOutput or StorageError.Missing } or FileLayerException { Error: FileError.InputOutput };

    private void TryDelete(string path)
    {
        try
        {
            files.Delete(path);
        }
        catch (FileLayerException)
        {
            // Its name says what it is.
        }
    }

    /// <summary>Refuses before the work what would be refused after it. A device must not be replaced: its name would become that of a file.</summary>
    private void EnsureTarget()
    {
        var kind = files.KindOf(target);
        if (kind is not (FileKind.Missing or FileKind.File))
        {
            throw new StorageException(StorageError.Invalid, $"{target} is neither a file nor a block device; restore into a file, then copy it there");
        }

        if (kind == FileKind.File && !replace)
        {
            throw Exists();
        }
    }

    /// <summary>Refuses what cannot fit before anything is written.</summary>
    private async Task EnsureRoomAsync(CancellationToken cancellation)
    {
        var needed = 0L;
        var tree = new ImageTree(new TreeShape(point.Geometry), point.Root, repository.Nodes);
        await foreach (var entry in tree.ReadAsync(0, point.Geometry.BlockCount, cancellation).ConfigureAwait(false))
        {
            needed += point.Geometry.LengthOf(entry.Block);
        }

        var free = files.FreeBytes(Path.GetDirectoryName(target)!) + BytesThere();
        if (needed > free)
        {
            throw new StorageException(
                StorageError.NoSpace, $"{target} needs {needed} bytes and its file system has {free} free; free space there or choose another --to");
        }
    }

    /// <summary>Of what an earlier restore left; it is written over, not beside.</summary>
    private long BytesThere()
    {
        if (files.KindOf(_partial) != FileKind.File)
        {
            return 0;
        }

        using var file = files.Open(_partial, FileOpening.ReadOnly);
        var bytes = 0L;
        for (var (start, end) = file.NextData(0); start < file.Length; (start, end) = file.NextData(end))
        {
            bytes += end - start;
        }

        return bytes;
    }

    private IFile OpenPartial()
    {
        var file = files.Open(_partial, files.KindOf(_partial) == FileKind.Missing ? FileOpening.CreateNew : FileOpening.ReadWrite);
        try
        {
            file.LockShared(LockedByte);
            return file.IsLockedElsewhere(LockedByte)
                ? throw new StorageException(StorageError.Busy, $"another restore of point {point.Id} writes {target}; wait for it ('abk job list'), or choose another --to")
                : file;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private void Publish()
    {
        if (replace)
        {
            files.Replace(_partial, target);
        }
        else
        {
            files.Link(_partial, target);
        }

        // Also after a rename: where an earlier restore died behind its link, both are names of one file, and renaming one to the other does nothing.
        files.Delete(_partial);
        files.SyncDirectory(Path.GetDirectoryName(target)!);
    }

    private string Kept() =>
        files.KindOf(_partial) == FileKind.File ? $"; what was written is in {_partial}, and the same restore goes on from there" : "";

    private StorageException Exists(Exception? inner = null) =>
        new(StorageError.Exists, $"{target} exists; choose another --to, or add --force to replace it", inner);

    private StorageException Explain(FileLayerException e) =>
        e.Error switch
        {
            FileError.NoSpace => new StorageException(StorageError.NoSpace, $"the file system of {target} is full: {e.Message}; nothing was left there", e),
            FileError.Exists => Exists(e),
            FileError.NotFound => new StorageException(StorageError.Missing, $"{target} cannot be written: {e.Message}", e),
            FileError.PermissionDenied or FileError.ReadOnly => new StorageException(StorageError.PermissionDenied, $"{target} cannot be written: {e.Message}", e),
            FileError.InputOutput => new StorageException(StorageError.InputOutput, $"{target} cannot be written: {e.Message}{Kept()}", e),
            _ => new StorageException(StorageError.InputOutput, $"{target} cannot be written: {e.Message}", e),
        };
}
