using System.Text;

namespace ActorBackup.EndToEnd.Tests.Machines;

/// <summary>An archive as Linux takes it for its first file system ("newc": ASCII headers, everything padded to 4 bytes).</summary>
internal sealed class CpioArchive
{
    private const int RegularFile = 0x8000;
    private const int DirectoryMode = 0x4000;
    private const int Executable = 0x1ED;

    private readonly MemoryStream _bytes = new();
    private int _inode = 1;

    public void AddDirectory(string name) => Add(name, DirectoryMode | Executable, []);

    public void AddProgram(string name, ReadOnlySpan<byte> content) => Add(name, RegularFile | Executable, content);

    public byte[] Finish()
    {
        Add("TRAILER!!!", 0, []);
        return _bytes.ToArray();
    }

    private void Add(string name, int mode, ReadOnlySpan<byte> content)
    {
        // Magic; then inode, mode, uid, gid, links, mtime, size, device (2), special device (2), name's length with its zero, checksum.
        int[] fields = [_inode++, mode, 0, 0, 1, 0, content.Length, 0, 0, 0, 0, name.Length + 1, 0];
        _bytes.Write(Encoding.ASCII.GetBytes("070701" + string.Concat(fields.Select(f => f.ToString("x8", System.Globalization.CultureInfo.InvariantCulture))) + name + "\0"));
        Pad();
        _bytes.Write(content);
        Pad();
    }

    private void Pad() => _bytes.Write(stackalloc byte[(int)(-_bytes.Length & 3)]);
}
