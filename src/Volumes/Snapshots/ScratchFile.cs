using ActorBackup.Files;

namespace ActorBackup.Volumes.Snapshots;

/// <summary>Slots of one block each in a file that lives as long as the snapshot. Worthless after a crash: it is synced only when its job is suspended.</summary>
internal sealed class ScratchFile : IDisposable
{
    private readonly IFileLayer _files;
    private readonly string _path;
    private readonly int _blockBytes;
    private readonly BlockParts _parts;
    private readonly long _limitBytes;
    private readonly IFile _file;
    private readonly Stack<long> _free = new();
    private readonly Lock _lock = new();
    private readonly long _slotCountMax;
    private long _slotCount;
    private bool _isFrozen;
    private bool _hasFailedSync;

    /// <summary>Makes the file anew.</summary>
    public ScratchFile(IFileLayer files, string path, int blockBytes, long limitBytes)
        : this(files, path, blockBytes, limitBytes, OpenNew(files, path))
    {
    }

    /// <summary>Goes on with a file of which only these slots are in use.</summary>
    public ScratchFile(IFileLayer files, IFile file, int blockBytes, long limitBytes, long slotCount, IReadOnlySet<long> used)
        : this(files, file.Path, blockBytes, Math.Max(limitBytes, slotCount * blockBytes), file)
    {
        _slotCount = slotCount;
        for (var slot = 0L; slot < slotCount; slot++)
        {
            if (!used.Contains(slot))
            {
                _free.Push(slot);
            }
        }
    }

    private ScratchFile(IFileLayer files, string path, int blockBytes, long limitBytes, IFile file)
    {
        (_files, _path, _blockBytes, _limitBytes, _file) = (files, path, blockBytes, limitBytes, file);
        _parts = new BlockParts(blockBytes);
        _slotCountMax = limitBytes / blockBytes;
    }

    public long UsedBytes
    {
        get
        {
            lock (_lock)
            {
                return (_slotCount - _free.Count) * _blockBytes;
            }
        }
    }

    /// <summary>Gives these parts of the block a slot.</summary>
    /// <returns>The slot and the checksum of what it holds.</returns>
    /// <exception cref="VolumeException">The limit is reached.</exception>
    /// <exception cref="FileLayerException">The file cannot be written.</exception>
    public (long Slot, ulong Checksum) Write(ReadOnlySpan<byte> block, ulong parts)
    {
        var slot = Take();
        try
        {
            WriteParts(slot, block, parts);
            return (slot, _parts.Checksum(block, parts));
        }
        catch
        {
            Free(slot);
            throw;
        }
    }

    /// <summary>Writes more parts of a block to its slot.</summary>
    /// <returns>Their checksum.</returns>
    /// <exception cref="VolumeException">The file is frozen.</exception>
    /// <exception cref="FileLayerException">The file cannot be written. What the slot had before is as it was.</exception>
    public ulong Add(long slot, ReadOnlySpan<byte> block, ulong parts)
    {
        lock (_lock)
        {
            ThrowIfFrozen();
        }

        WriteParts(slot, block, parts);
        return _parts.Checksum(block, parts);
    }

    /// <summary>Fills in these parts of the block, which are all that the slot holds.</summary>
    /// <exception cref="FileLayerException">The file cannot be read, or does not hold what was written to it.</exception>
    public void Read(long slot, ulong parts, ulong checksum, Span<byte> block)
    {
        for (var left = parts; left != 0;)
        {
            var (start, end) = _parts.FirstRun(left);
            if (_file.Read((slot * _blockBytes) + start, block[start..end]) < end - start)
            {
                throw new FileLayerException(FileError.InputOutput, $"read {_path}: the scratch file is shorter than what was written to it");
            }

            left &= ~_parts.Touched(start, end);
        }

        if (_parts.Checksum(block, parts) != checksum)
        {
            throw new FileLayerException(FileError.InputOutput, $"read {_path}: slot {slot} of the scratch file is not what was written to it");
        }
    }

    public void Free(long slot)
    {
        lock (_lock)
        {
            _free.Push(slot);
        }
    }

    /// <summary>Gives out no slot any more. Returns how many there are: what comes after them nobody writes to.</summary>
    public long Freeze()
    {
        lock (_lock)
        {
            _isFrozen = true;
            return _slotCount;
        }
    }

    /// <summary>Writes behind the slots of a frozen file.</summary>
    public void WriteTail(ReadOnlySpan<byte> bytes) => _file.Write(_slotCount * _blockBytes, bytes);

    /// <summary>A failure stays: what it was to make durable may be lost, and another sync would not say so.</summary>
    public void Sync()
    {
        if (_hasFailedSync)
        {
            throw new FileLayerException(FileError.InputOutput, $"sync {_path}: an earlier sync failed");
        }

        _hasFailedSync = true;
        _file.Sync();
        _hasFailedSync = false;
    }

    /// <summary>Makes the file's name durable.</summary>
    public void SyncName() => _files.SyncDirectory(Path.GetDirectoryName(_path)!);

    /// <summary>Leaves the file where it is.</summary>
    public void Close() => _file.Dispose();

    public void Dispose()
    {
        _file.Dispose();
        _files.Delete(_path);
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
            ThrowIfFrozen();
            if (_free.TryPop(out var slot))
            {
                return slot;
            }

            return _slotCount < _slotCountMax
                ? _slotCount++
                : throw new VolumeException(VolumeError.NoSpace, $"The scratch file {_path} reached its limit of {_limitBytes} bytes");
        }
    }

    private void ThrowIfFrozen()
    {
        if (_isFrozen)
        {
            throw new VolumeException(VolumeError.Closed, $"The scratch file {_path} is closed, because the disk is");
        }
    }

    private void WriteParts(long slot, ReadOnlySpan<byte> block, ulong parts)
    {
        for (var left = parts; left != 0;)
        {
            var (start, end) = _parts.FirstRun(left);
            _file.Write((slot * _blockBytes) + start, block[start..end]);
            left &= ~_parts.Touched(start, end);
        }
    }
}
