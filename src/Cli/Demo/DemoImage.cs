using System.Diagnostics;
using ActorBackup.Cli.Values;
using ActorBackup.Core.Blocks;

namespace ActorBackup.Cli.Demo;

/// <summary>Makes the demo's disk: a copy of a given image, else a file system with real files, else those files laid end to end.</summary>
public static class DemoImage
{
    private const long SizeBytes = 1L << 30;

    /// <summary>Files start at whole sectors, as on a file system.</summary>
    private const int AlignmentBytes = 4096;

    /// <summary>A given image's; on less there is no half-way.</summary>
    private const long SizeBytesLeast = 16L << 20;

    private const int CopyBufferBytes = 1 << 20;

    /// <param name="target">The image to write.</param>
    /// <param name="given">An image of the user's, which is only read; null to make one.</param>
    /// <param name="report">Told what it became.</param>
    /// <param name="cancellation">Ends it early.</param>
    /// <exception cref="DemoException">The given image is too small.</exception>
    public static async Task<long> CreateAsync(string target, string? given, DemoReport report, CancellationToken cancellation)
    {
        if (given is not null)
        {
            var size = CopySparse(given, target, cancellation);
            report.Say($"disk: a copy of {given}, {ByteSize.Format(size)}");
            return size;
        }

        var staging = target + ".files";
        Directory.CreateDirectory(staging);
        var bytes = SampleFiles.Collect(staging);
        var isFileSystem = await MakeFileSystemAsync(staging, target, cancellation);
        if (!isFileSystem)
        {
            LayEndToEnd(staging, target, cancellation);
        }

        Directory.Delete(staging, recursive: true);
        report.Say(isFileSystem
            ? $"disk: {ByteSize.Format(SizeBytes)}, ext4, with {ByteSize.Format(bytes)} of files of this machine"
            : $"disk: {ByteSize.Format(SizeBytes)} with {ByteSize.Format(bytes)} of files of this machine laid end to end (no mkfs.ext4 here)");
        return SizeBytes;
    }

    private static async Task<bool> MakeFileSystemAsync(string staging, string target, CancellationToken cancellation)
    {
        var mkfs = ((string[])["/usr/sbin/mkfs.ext4", "/sbin/mkfs.ext4", "/usr/bin/mkfs.ext4"]).FirstOrDefault(File.Exists);
        if (mkfs is null)
        {
            return false;
        }

        SetSize(target, SizeBytes);
        var start = new ProcessStartInfo(mkfs) { RedirectStandardError = true, RedirectStandardOutput = true };
        foreach (var arg in (string[])["-q", "-F", "-d", staging, target])
        {
            start.ArgumentList.Add(arg);
        }

        using var process = Process.Start(start)!;
        var said = process.StandardError.ReadToEndAsync(cancellation);
        await process.WaitForExitAsync(cancellation);
        _ = await said;
        return process.ExitCode == 0;
    }

    private static void LayEndToEnd(string staging, string target, CancellationToken cancellation)
    {
        File.Delete(target);
        SetSize(target, SizeBytes);
        using var image = File.OpenHandle(target, FileMode.Open, FileAccess.Write);
        long offset = 0;
        foreach (var file in Directory.EnumerateFiles(staging, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
        {
            cancellation.ThrowIfCancellationRequested();
            var content = File.ReadAllBytes(file);
            if (offset + content.Length > SizeBytes)
            {
                break;
            }

            RandomAccess.Write(image, content, offset);
            offset += (content.Length + AlignmentBytes - 1) / AlignmentBytes * AlignmentBytes;
        }
    }

    /// <summary>Zeroes become holes. The size is rounded up to whole blocks, so that figures in blocks are exact.</summary>
    private static long CopySparse(string source, string target, CancellationToken cancellation)
    {
        using var input = File.OpenHandle(source, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, FileOptions.SequentialScan);
        var length = RandomAccess.GetLength(input);
        if (length < SizeBytesLeast)
        {
            throw new DemoException($"{source} has {length} bytes; the demo needs an image of at least {ByteSize.Format(SizeBytesLeast)}");
        }

        var size = (length + Granularity.DefaultBytes - 1) / Granularity.DefaultBytes * Granularity.DefaultBytes;
        SetSize(target, size);
        using var output = File.OpenHandle(target, FileMode.Open, FileAccess.Write);
        var buffer = new byte[CopyBufferBytes];
        for (long offset = 0; offset < length;)
        {
            cancellation.ThrowIfCancellationRequested();
            var read = RandomAccess.Read(input, buffer, offset);
            if (read == 0)
            {
                break;
            }

            if (buffer.AsSpan(0, read).ContainsAnyExcept((byte)0))
            {
                RandomAccess.Write(output, buffer.AsSpan(0, read), offset);
            }

            offset += read;
        }

        return size;
    }

    private static void SetSize(string path, long bytes)
    {
        using var file = File.Create(path);
        file.SetLength(bytes);
    }
}
