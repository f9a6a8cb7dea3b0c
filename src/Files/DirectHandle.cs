using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace ActorBackup.Files;

/// <summary>A second opening of a file that goes past the page cache (O_DIRECT). Made at the first use; a file system that refuses is not asked again.</summary>
/// <remarks>
/// Both ways see what the other wrote: the kernel writes back and drops cached pages of a range before it goes past them. A sync of either makes all durable.
/// Addresses and offsets are multiples of <see cref="AlignedBuffer.AlignmentBytes"/>.
/// </remarks>
internal sealed class DirectHandle(SafeFileHandle cached, int access) : IDisposable
{
    private readonly Lock _lock = new();
    private SafeFileHandle? _handle;
    private volatile bool _isRefused = Libc.ODirect == 0;

    /// <summary>False = nothing can be said about the range; write it the usual way, which also says what is wrong.</summary>
    public bool TryWrite(long offset, ReadOnlySpan<byte> data)
    {
        if (Open() is not { } handle)
        {
            return false;
        }

        try
        {
            RandomAccess.Write(handle, data, offset);
            return true;
        }
        catch (IOException e)
        {
            _isRefused |= e.HResult == Libc.Einval;
            return false;
        }
    }

    /// <summary>Fills pieces one after the other. Returns the bytes read, fewer at the file's end; negative = read it the usual way.</summary>
    public unsafe nint TryRead(long offset, Libc.Piece* pieces, int count)
    {
        if (Open() is not { } handle)
        {
            return -1;
        }

        var read = Libc.Preadv2(handle, pieces, count, offset, 0);
        _isRefused |= read < 0 && Marshal.GetLastPInvokeError() == Libc.Einval;
        return read;
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _isRefused = true;
            _handle?.Dispose();
        }
    }

    private SafeFileHandle? Open()
    {
        if (_isRefused)
        {
            return null;
        }

        if (Volatile.Read(ref _handle) is { } known)
        {
            return known;
        }

        lock (_lock)
        {
            return _isRefused ? null : _handle ??= TryOpen();
        }
    }

    private SafeFileHandle? TryOpen()
    {
        // What cannot be sought in, such as a pipe, has no cache to go past, and opening it once more might wait for ever.
        if (Libc.Lseek(cached, 0, Libc.SeekCurrent) < 0)
        {
            _isRefused = true;
            return null;
        }

        // By the descriptor: the name may be another file's by now.
        var fd = Libc.Open($"/proc/self/fd/{cached.DangerousGetHandle()}", access | Libc.ODirect | Libc.OCloexec, 0);
        _isRefused = fd < 0;
        return fd < 0 ? null : new SafeFileHandle(fd, ownsHandle: true);
    }
}
