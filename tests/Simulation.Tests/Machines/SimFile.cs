using ActorBackup.Files;

namespace ActorBackup.Simulation.Tests.Machines;

/// <summary>An open file of a simulated process.</summary>
internal sealed class SimFile(Machine machine, int process, Inode inode, string path) : IFile
{
    public string Path { get; } = path;

    public long Length => inode.Length;

    public DateTimeOffset ModifiedAt => inode.ModifiedAt;

    public int Read(long offset, Span<byte> buffer)
    {
        var copy = new byte[buffer.Length];
        var read = 0;
        machine.Do(process, OperationKind.Read, inode, offset, buffer.Length, _ => read = inode.Read(offset, copy));
        copy.AsSpan(0, read).CopyTo(buffer);
        return read;
    }

    public void Write(long offset, ReadOnlySpan<byte> data)
    {
        var copy = data.ToArray();
        machine.Do(process, OperationKind.Write, inode, offset, data.Length, count => Changed(offset, count, inode.Write(offset, copy.AsSpan(0, (int)count))));
    }

    public void Sync() => machine.Do(process, OperationKind.Sync, inode, 0, 1, count =>
    {
        if (count == 1)
        {
            inode.Sync();
        }
    });

    public void SetLength(long length) => machine.Do(process, OperationKind.Allocate, inode, 0, length, count =>
    {
        if (count == length)
        {
            inode.Resize(length, inode.Reserved);
        }
    });

    public void Allocate(long offset, long length) => machine.Do(process, OperationKind.Allocate, inode, offset, length, count =>
    {
        // fallocate does all or nothing as far as anybody can tell; in the middle of it nothing was said yet.
        if (count == length)
        {
            inode.Resize(Math.Max(inode.Length, offset + length), Math.Max(inode.Reserved, offset + length));
        }
    });

    public void PunchHole(long offset, long length) =>
        machine.Do(process, OperationKind.Punch, inode, offset, length, count => Changed(offset, count, inode.Punch(offset, count)));

    public void ZeroRange(long offset, long length) =>
        machine.Do(process, OperationKind.Punch, inode, offset, length, count => Changed(offset, count, inode.Punch(offset, count)));

    public (long Start, long End) NextData(long offset) => inode.NextData(offset);

    public void Dispose()
    {
    }

    private void Changed(long offset, long length, List<(long Sector, byte[]? Content)> sectors)
    {
        inode.ModifiedAt = machine.Now;
        if (inode == machine.Backing && length > 0)
        {
            machine.BackingChanged(offset, length, sectors);
        }
    }
}
