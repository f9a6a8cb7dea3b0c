using ActorBackup.Files;

namespace ActorBackup.Volumes.Snapshots;

/// <summary>Slots of one block each in a file that lives as long as the snapshot. Never synced: it is worthless after a crash.</summary>
internal sealed class ScratchFile(IFileLayer files, string path, int blockBytes, long limitBytes) : IDisposable
{
    private readonly IFile _file = OpenNew(files, path);
    private readonly Stack<long> _free = new();
    private readonly Lock _lock = new();
    private readonly long _slotCountMax = limitBytes / blockBytes;
    private long _slotCount;

    public long UsedBytes
    {
        get
        {
            lock (_lock)
            {
                return (_slotCount - _free.Count) * blockBytes;
            }
        }
    }

    /// <returns>The slot.</returns>
    /// <exception cref="VolumeException">The limit is reached.</exception>
    /// <exception cref="FileLayerException">The file cannot be written.</exception>
    public long Write(ReadOnlySpan<byte> block)
    {
        var slot = Take();
        try
        {
            _file.Write(slot * blockBytes, block);
            return slot;
        }
        catch
        {
            Free(slot);
            throw;
        }
    }

    public void Read(long slot, Span<byte> block)
    {
        if (_file.Read(slot * blockBytes, block) < block.Length)
        {
            throw new FileLayerException(FileError.InputOutput, $"read {path}: the scratch file is shorter than what was written to it");
        }
    }

    public void Free(long slot)
    {
        lock (_lock)
        {
            _free.Push(slot);
        }
    }

    public void Dispose()
    {
        _file.Dispose();
        files.Delete(path);
    }

    private static IFile OpenNew(IFileLayer files, string path)
    {
        files.CreateDirectory(Path.GetDirectoryName(path)!);
        files.Delete(path);
        return files.Open(path, FileOpening.CreateNew);
    }

    private long Take()
    {
        lock (_lock)
        {
            if (_free.TryPop(out var slot))
            {
                return slot;
            }

            return _slotCount < _slotCountMax
                ? _slotCount++
                : throw new VolumeException(VolumeError.NoSpace, $"The scratch file {path} reached its limit of {limitBytes} bytes");
        }
    }
}
