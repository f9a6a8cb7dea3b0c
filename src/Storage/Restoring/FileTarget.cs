using ActorBackup.Files;

namespace ActorBackup.Storage.Restoring;

/// <summary>A file of the point's size.</summary>
internal sealed class FileTarget(IFile file) : IRestoreTarget
{
    public bool LooksBeforeZeroing => true;

    /// <summary>What reads as written may not be on the medium, and no later sync would say so.</summary>
    public bool HasFailedToSync { get; private set; }

    public ValueTask<(long Start, long End)> NextDataAsync(long offset, long limit, CancellationToken cancellation) =>
        ValueTask.FromResult(file.NextData(offset));

    public ValueTask ReadAsync(long offset, Memory<byte> buffer, CancellationToken cancellation)
    {
        var read = file.Read(offset, buffer.Span);
        return read == buffer.Length
            ? ValueTask.CompletedTask
            : throw new FileLayerException(FileError.InputOutput, $"read {file.Path}: it ends at {offset + read}; another program changed it");
    }

    public ValueTask WriteAsync(long offset, ReadOnlyMemory<byte> data, CancellationToken cancellation)
    {
        file.WriteUncached(offset, data.Span);
        return ValueTask.CompletedTask;
    }

    public ValueTask ZeroAsync(long offset, long length, CancellationToken cancellation)
    {
        file.PunchHole(offset, length);
        return ValueTask.CompletedTask;
    }

    public ValueTask FlushAsync(CancellationToken cancellation)
    {
        try
        {
            file.Sync();
            return ValueTask.CompletedTask;
        }
        catch (FileLayerException)
        {
            HasFailedToSync = true;
            throw;
        }
    }
}
