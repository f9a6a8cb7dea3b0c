using System.Buffers;
using System.Threading.Channels;
using ActorBackup.Core.Identity;
using ActorBackup.Files;
using ActorBackup.Storage.Points;
using ActorBackup.Storage.Reading;
using ActorBackup.Storage.Repositories;
using ActorBackup.Storage.Trees;

namespace ActorBackup.Storage.Restoring;

/// <summary>Writes a point into a file, which appears under its name only when it is whole and durable. Zero blocks stay holes.</summary>
/// <remarks>Memory: readers × (one batch of digests and one block).</remarks>
public sealed class FileRestore(
    Repository repository, RecoveryPoint point, string target, bool replace, JobId job, IFileLayer files, IReadProgress progress)
{
    private const int Readers = 4;
    private const int BatchBlocks = 64;

    private readonly string _partial = PartialPathOf(target, job);

    /// <exception cref="StorageException">The point cannot be read, or the target not be written. No file is left.</exception>
    public async Task RunAsync(CancellationToken cancellation)
    {
        progress.Total(point.SizeBytes);
        var created = false;
        try
        {
            EnsureTarget();
            await EnsureRoomAsync(cancellation).ConfigureAwait(false);
            using (var file = files.Open(_partial, FileOpening.CreateNew))
            {
                created = true;
                file.SetLength(point.SizeBytes);
                await CopyAsync(file, cancellation).ConfigureAwait(false);
                file.Sync();
            }

            cancellation.ThrowIfCancellationRequested();
            Publish();
        }
        catch (FileLayerException e)
        {
            throw Explain(e);
        }
        finally
        {
            if (created)
            {
                TryDelete(files, _partial);
            }
        }
    }

    /// <summary>Deletes what a restore that died with its process left beside the target.</summary>
    public static void DeleteLeftovers(IFileLayer files, string target, JobId job) => TryDelete(files, PartialPathOf(target, job));

    private static string PartialPathOf(string target, JobId job) => $"{target}.partial-{job}";

    private static void TryDelete(IFileLayer files, string path)
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
            throw new StorageException(StorageError.Invalid, $"{target} is not a file; restore into a file, then copy it there");
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

        var free = files.FreeBytes(Path.GetDirectoryName(target)!);
        if (needed > free)
        {
            throw new StorageException(
                StorageError.NoSpace, $"{target} needs {needed} bytes and its file system has {free} free; free space there or choose another --to");
        }
    }

    private async Task CopyAsync(IFile file, CancellationToken cancellation)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var batches = Channel.CreateBounded<BlockEntry[]>(Readers * 2);
        var work = Enumerable.Range(0, Readers).Select(_ => Task.Run(() => WriteBatchesAsync(file, batches.Reader, stop.Token), CancellationToken.None)).ToList();
        work.Add(Task.Run(() => FindBatchesAsync(batches.Writer, stop.Token), CancellationToken.None));
        Exception? first = null;
        while (work.Count > 0)
        {
            var ended = await Task.WhenAny(work).ConfigureAwait(false);
            work.Remove(ended);
            if (!ended.IsCompletedSuccessfully && first is null)
            {
                first = ended.Exception?.InnerException ?? new OperationCanceledException(cancellation);
                await stop.CancelAsync().ConfigureAwait(false);
            }
        }

        if (first is not null)
        {
            throw first;
        }
    }

    private async Task FindBatchesAsync(ChannelWriter<BlockEntry[]> batches, CancellationToken cancellation)
    {
        var tree = new ImageTree(new TreeShape(point.Geometry), point.Root, repository.Nodes);
        var batch = new List<BlockEntry>(BatchBlocks);
        var next = 0L;
        await foreach (var entry in tree.ReadAsync(0, point.Geometry.BlockCount, cancellation).ConfigureAwait(false))
        {
            SayZero(next, entry.Block);
            next = entry.Block + 1;
            batch.Add(entry);
            if (batch.Count == BatchBlocks)
            {
                await batches.WriteAsync([.. batch], cancellation).ConfigureAwait(false);
                batch.Clear();
            }
        }

        SayZero(next, point.Geometry.BlockCount);
        if (batch.Count > 0)
        {
            await batches.WriteAsync([.. batch], cancellation).ConfigureAwait(false);
        }

        batches.Complete();
    }

    private void SayZero(long firstBlock, long endBlock)
    {
        if (endBlock > firstBlock)
        {
            var bytes = Math.Min(point.SizeBytes, point.Geometry.OffsetOf(endBlock)) - point.Geometry.OffsetOf(firstBlock);
            progress.Zero(bytes);
            progress.Done(bytes);
        }
    }

    private async Task WriteBatchesAsync(IFile file, ChannelReader<BlockEntry[]> batches, CancellationToken cancellation)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(point.BlockBytes);
        try
        {
            await foreach (var batch in batches.ReadAllAsync(cancellation).ConfigureAwait(false))
            {
                var digests = Array.ConvertAll(batch, e => e.Digest);
                var places = await repository.Blocks.LocateManyAsync(digests, cancellation).ConfigureAwait(false);
                for (var i = 0; i < batch.Length; i++)
                {
                    cancellation.ThrowIfCancellationRequested();
                    await repository.Blocks.ReadAsync(digests[i], places[i], buffer.AsMemory(0, point.BlockBytes), cancellation).ConfigureAwait(false);
                    var length = (int)point.Geometry.LengthOf(batch[i].Block);
                    file.Write(point.Geometry.OffsetOf(batch[i].Block), buffer.AsSpan(0, length));
                    progress.Done(length);
                }
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
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
            files.Delete(_partial);
        }

        files.SyncDirectory(Path.GetDirectoryName(target)!);
    }

    private StorageException Exists(Exception? inner = null) =>
        new(StorageError.Exists, $"{target} exists; choose another --to, or add --force to replace it", inner);

    private StorageException Explain(FileLayerException e) =>
        e.Error switch
        {
            FileError.NoSpace => new StorageException(StorageError.NoSpace, $"the file system of {target} is full: {e.Message}; nothing was left there", e),
            FileError.Exists => Exists(e),
            FileError.NotFound => new StorageException(StorageError.Missing, $"{target} cannot be written: {e.Message}", e),
            FileError.PermissionDenied or FileError.ReadOnly => new StorageException(StorageError.PermissionDenied, $"{target} cannot be written: {e.Message}", e),
            _ => new StorageException(StorageError.InputOutput, $"{target} cannot be written: {e.Message}", e),
        };
}
