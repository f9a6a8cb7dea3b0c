using ActorBackup.Core.Blocks;
using ActorBackup.Files;

namespace ActorBackup.Volumes.Backings;

/// <summary>A raw image file or a block device.</summary>
/// <remarks>
/// Zeroing a device is fallocate on the device: where it may free space it does, and the range reads as zeroes either way. BLKDISCARD would
/// not do, since what it leaves behind is the device's choice.
/// </remarks>
public sealed class FileBacking : IBacking
{
    // Covers the logical sectors of every device we know; a hole cannot be smaller than this anyway.
    private const long HoleAlignmentBytes = 4096;

    private static readonly byte[] Zeroes = new byte[HoleAlignmentBytes];

    private readonly IFile _file;
    private readonly bool _isDevice;

    private FileBacking(IFile file, bool isDevice)
    {
        _file = file;
        _isDevice = isDevice;
        SizeBytes = file.Length;
    }

    public string Path => _file.Path;

    public long SizeBytes { get; private set; }

    public DateTimeOffset? ModifiedAt => _isDevice ? null : _file.ModifiedAt;

    /// <exception cref="VolumeException">The file is missing, not a file, not accessible, or of an impossible size.</exception>
    public static FileBacking Open(IFileLayer files, string path, bool readOnly)
    {
        try
        {
            var kind = files.KindOf(path);
            CheckKind(kind, path);
            var file = files.Open(path, readOnly ? FileOpening.ReadOnly : FileOpening.ReadWrite);
            try
            {
                ImageLocks.Take(file, readOnly);
                CheckLength(file);
                return new FileBacking(file, kind == FileKind.BlockDevice);
            }
            catch
            {
                file.Dispose();
                throw;
            }
        }
        catch (FileLayerException e) when (e.Error == FileError.Busy)
        {
            throw Failures.ToVolume(e, $"The backing {path} is in use", "Unmount it, or stop the program or volume that has it, then try again.");
        }
        catch (FileLayerException e)
        {
            throw Failures.ToVolume(e, $"The backing {path} cannot be opened", "Check the path and that the service's user may read and write it.");
        }
    }

    public void Read(long offset, Span<byte> buffer)
    {
        var read = _file.Read(offset, buffer);
        if (read < buffer.Length)
        {
            throw new FileLayerException(FileError.InputOutput, $"read {Path}: the file ends at {offset + read}, but the disk has {SizeBytes} bytes");
        }
    }

    public bool TryReadCached(long offset, Span<byte> buffer) => _file.TryReadCached(offset, buffer);

    public void Write(long offset, ReadOnlySpan<byte> data) => _file.Write(offset, data);

    public void Sync() => _file.Sync();

    public void Punch(long offset, long length) => ZeroInner(offset, length, _file.PunchHole);

    public void Zero(long offset, long length) => ZeroInner(offset, length, _file.ZeroRange);

    public string? WhyNotResizable(long sizeBytes) =>
        _isDevice && _file.Length != sizeBytes ? $"the device has {_file.Length} bytes; give it the size first, then the disk" : null;

    public void Resize(long sizeBytes)
    {
        if (!_isDevice)
        {
            _file.SetLength(sizeBytes);
            _file.Sync();
        }
        else if (WhyNotResizable(sizeBytes) is { } why)
        {
            throw new FileLayerException(FileError.NotSupported, $"resize {Path}: {why}");
        }

        SizeBytes = sizeBytes;
    }

    public (long Start, long End) NextData(long offset, long limit)
    {
        var (start, end) = _file.NextData(offset);
        return start < limit ? (start, Math.Min(end, SizeBytes)) : (limit, limit);
    }

    public void Dispose() => _file.Dispose();

    /// <summary>Leaves the aligned inner part, which is all that a device accepts, to the file and writes zeroes to the edges.</summary>
    private void ZeroInner(long offset, long length, Action<long, long> zero)
    {
        var start = Math.Min(RoundUp(offset), offset + length);
        var end = Math.Max(start, (offset + length) & ~(HoleAlignmentBytes - 1));
        WriteZeroes(offset, start - offset);
        if (end > start)
        {
            zero(start, end - start);
        }

        WriteZeroes(end, offset + length - end);
    }

    private static long RoundUp(long offset) => (offset + HoleAlignmentBytes - 1) & ~(HoleAlignmentBytes - 1);

    private static void CheckKind(FileKind kind, string path)
    {
        var (error, what) = kind switch
        {
            FileKind.Missing => (VolumeError.Missing, "does not exist. Check the path, or create the image first, for example with 'truncate -s 10G FILE'"),
            FileKind.Directory => (VolumeError.NotAFile, "is a directory. Name the image file or block device itself"),
            FileKind.Other => (VolumeError.NotAFile, "is neither a regular file nor a block device. Name an image file or a block device"),
            _ => default((VolumeError, string?)),
        };
        if (what is not null)
        {
            throw new VolumeException(error, $"The backing {path} {what}.");
        }
    }

    private static void CheckLength(IFile file)
    {
        if (file.Length is var length && (length <= 0 || length % Granularity.SectorBytes != 0))
        {
            throw new VolumeException(
                VolumeError.BadSize,
                $"The backing {file.Path} has {length} bytes, and a disk is a positive multiple of {Granularity.SectorBytes} bytes. "
                + $"Extend it, for example with 'truncate -s %{Granularity.SectorBytes} FILE', or check that it is the right file.");
        }
    }

    /// <summary>At most one edge: fewer than HoleAlignmentBytes, save for a range that lies inside one unit.</summary>
    private void WriteZeroes(long offset, long length)
    {
        if (length > 0)
        {
            _file.Write(offset, Zeroes.AsSpan(0, (int)length));
        }
    }
}
