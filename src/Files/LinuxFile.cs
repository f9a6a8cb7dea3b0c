using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace ActorBackup.Files;

/// <summary>A file or block device of the Linux kernel.</summary>
internal sealed class LinuxFile(string path, SafeFileHandle handle, bool isDevice, bool isReadOnly) : IFile
{
    private const int ZeroChunkBytes = 1 << 20;

    private static readonly byte[] Zeroes = new byte[ZeroChunkBytes];

    private readonly DirectHandle _directReads = new(handle, Libc.ORdonly);
    private readonly DirectHandle _directWrites = new(handle, Libc.OWronly);
    private volatile bool _cannotPeek;

    public string Path { get; } = path;

    public long Length
    {
        get
        {
            if (!isDevice)
            {
                return RandomAccess.GetLength(handle);
            }

            var end = Libc.Lseek(handle, 0, Libc.SeekEnd);
            return end >= 0 ? end : throw Errno.Failure("measure", Path);
        }
    }

    public DateTimeOffset ModifiedAt => File.GetLastWriteTimeUtc(handle);

    public int Read(long offset, Span<byte> buffer)
    {
        var total = 0;
        try
        {
            while (total < buffer.Length)
            {
                var read = RandomAccess.Read(handle, buffer[total..], offset + total);
                if (read == 0)
                {
                    break;
                }

                total += read;
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Errno.Wrap(e, "read", Path);
        }

        return total;
    }

    public unsafe bool TryReadCached(long offset, Span<byte> buffer)
    {
        if (_cannotPeek)
        {
            return Read(offset, buffer) == buffer.Length;
        }

        nint read;
        fixed (byte* start = buffer)
        {
            var piece = new Libc.Piece { Start = start, Length = (nuint)buffer.Length };
            read = Libc.Preadv2(handle, &piece, 1, offset, Libc.RwfNowait);
        }

        if (read < 0 && Marshal.GetLastPInvokeError() is Libc.Eopnotsupp or Libc.Enosys)
        {
            // Such as tmpfs, which has no device.
            _cannotPeek = true;
            return TryReadCached(offset, buffer);
        }

        // A part means that the rest is not cached. Failures come back when it is read for good.
        return read == buffer.Length;
    }

    public unsafe int ReadUncached(long offset, Span<byte> buffer)
    {
        // The pages in which the range begins and ends go through memory of our own; what lies between goes to where it belongs.
        const int Page = AlignedBuffer.AlignmentBytes;
        var before = (int)(offset % Page);
        var after = (int)((Page - ((offset + buffer.Length) % Page)) % Page);
        fixed (byte* start = buffer)
        {
            if (isDevice || before + buffer.Length + after < 3 * Page || (nuint)start % Page != (nuint)before)
            {
                return Read(offset, buffer);
            }

            var room = stackalloc byte[3 * Page];
            var edges = (byte*)((nuint)(room + Page - 1) / Page * Page);
            var head = before == 0 ? 0 : Page - before;
            var tail = after == 0 ? 0 : Page - after;
            var pieces = stackalloc Libc.Piece[3];
            var count = 0;
            if (head > 0)
            {
                pieces[count++] = new Libc.Piece { Start = edges, Length = Page };
            }

            pieces[count++] = new Libc.Piece { Start = start + head, Length = (nuint)(buffer.Length - head - tail) };
            if (tail > 0)
            {
                pieces[count++] = new Libc.Piece { Start = edges + Page, Length = Page };
            }

            var read = _directReads.TryRead(offset - before, pieces, count);
            if (read < before + buffer.Length)
            {
                return Read(offset, buffer);
            }

            new Span<byte>(edges + before, head).CopyTo(buffer);
            new Span<byte>(edges + Page, tail).CopyTo(buffer[^tail..]);
            return buffer.Length;
        }
    }

    public unsafe void WriteUncached(long offset, ReadOnlySpan<byte> data)
    {
        const int Page = AlignedBuffer.AlignmentBytes;
        var whole = data.Length / Page * Page;
        fixed (byte* start = data)
        {
            if (isDevice || isReadOnly || whole == 0 || offset % Page != 0 || (nuint)start % Page != 0 || !_directWrites.TryWrite(offset, data[..whole]))
            {
                Write(offset, data);
                return;
            }
        }

        if (whole < data.Length)
        {
            Write(offset + whole, data[whole..]);
        }
    }

    public void Write(long offset, ReadOnlySpan<byte> data)
    {
        try
        {
            RandomAccess.Write(handle, data, offset);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Errno.Wrap(e, "write", Path);
        }
    }

    public void Sync()
    {
        while (Libc.Fdatasync(handle) != 0)
        {
            if (Marshal.GetLastPInvokeError() != Libc.Eintr)
            {
                throw Errno.Failure("sync", Path);
            }
        }
    }

    public void SetLength(long length)
    {
        try
        {
            RandomAccess.SetLength(handle, length);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Errno.Wrap(e, "resize", Path);
        }
    }

    public void Allocate(long offset, long length)
    {
        if (TryFallocate(0, offset, length, "allocate"))
        {
            return;
        }

        // The file system cannot reserve: writing zeroes past the end is the only promise that is left.
        for (var at = Math.Max(offset, Length); at < offset + length; at += ZeroChunkBytes)
        {
            Write(at, Zeroes.AsSpan(0, (int)Math.Min(ZeroChunkBytes, offset + length - at)));
        }
    }

    public void PunchHole(long offset, long length)
    {
        if (!TryFallocate(Libc.FallocPunchHole | Libc.FallocKeepSize, offset, length, "punch"))
        {
            ZeroRange(offset, length);
        }
    }

    public void ZeroRange(long offset, long length)
    {
        if (!TryFallocate(Libc.FallocZeroRange | Libc.FallocKeepSize, offset, length, "zero"))
        {
            WriteZeroes(offset, length);
        }
    }

    public (long Start, long End) NextData(long offset)
    {
        var length = Length;
        if (offset >= length)
        {
            return (length, length);
        }

        var start = Libc.Lseek(handle, offset, Libc.SeekData);
        if (start < 0)
        {
            return Marshal.GetLastPInvokeError() switch
            {
                Libc.Enxio => (length, length),
                Libc.Einval => (offset, length),
                _ => throw Errno.Failure("seek", Path),
            };
        }

        var end = Libc.Lseek(handle, start, Libc.SeekHole);
        return (start, end < 0 ? length : Math.Min(end, length));
    }

    public void LockShared(long offset)
    {
        var range = new Libc.Flock { Type = Libc.FRdLck, Start = offset, Length = 1 };
        while (Libc.FcntlLock(handle, Libc.FOfdSetLk, ref range) != 0)
        {
            if (Marshal.GetLastPInvokeError() != Libc.Eintr)
            {
                throw Errno.Failure("lock", Path);
            }
        }
    }

    public bool IsLockedElsewhere(long offset)
    {
        // Asks whether an exclusive lock could be had, which any other lock prevents.
        var range = new Libc.Flock { Type = Libc.FWrLck, Start = offset, Length = 1 };
        while (Libc.FcntlLock(handle, Libc.FOfdGetLk, ref range) != 0)
        {
            if (Marshal.GetLastPInvokeError() != Libc.Eintr)
            {
                throw Errno.Failure("examine locks of", Path);
            }
        }

        return range.Type != Libc.FUnLck;
    }

    public void Dispose()
    {
        _directReads.Dispose();
        _directWrites.Dispose();
        handle.Dispose();
    }

    private void WriteZeroes(long offset, long length)
    {
        for (var done = 0L; done < length; done += ZeroChunkBytes)
        {
            Write(offset + done, Zeroes.AsSpan(0, (int)Math.Min(ZeroChunkBytes, length - done)));
        }
    }

    private bool TryFallocate(int mode, long offset, long length, string operation)
    {
        while (length > 0 && Libc.Fallocate(handle, mode, offset, length) != 0)
        {
            switch (Marshal.GetLastPInvokeError())
            {
                case Libc.Eintr:
                    continue;
                case Libc.Eopnotsupp or Libc.Enosys:
                    return false;
                default:
                    throw Errno.Failure(operation, Path);
            }
        }

        return true;
    }
}
