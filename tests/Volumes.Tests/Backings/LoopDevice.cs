namespace ActorBackup.Volumes.Tests.Backings;

/// <summary>A block device over a file of its own.</summary>
internal sealed class LoopDevice : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("abk-loop-").FullName;

    public LoopDevice(long sizeBytes)
    {
        using (var file = File.Create(Image))
        {
            file.SetLength(sizeBytes);
        }

        var (exitCode, printed) = Losetup("-f", "--show", Image);
        if (exitCode != 0)
        {
            Directory.Delete(_directory, recursive: true);
            throw new InvalidOperationException(printed);
        }

        Path = printed.Trim();
    }

    public string Path { get; }

    /// <summary>What the device keeps its bytes in.</summary>
    public string Image => System.IO.Path.Combine(_directory, "loop.raw");

    public static (int ExitCode, string Printed) Losetup(params string[] arguments) => Program.RunAsync("losetup", arguments).GetAwaiter().GetResult();

    public void Dispose()
    {
        Losetup("-d", Path);
        Directory.Delete(_directory, recursive: true);
    }
}

/// <summary>Skipped, with the reason, where there can be no loop device.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class LoopFactAttribute : FactAttribute
{
    private static readonly Lazy<bool> CanLoop = new(() =>
    {
        try
        {
            new LoopDevice(1024 * 1024).Dispose();
            return true;
        }
        catch (InvalidOperationException)
        {
            return false;
        }
    });

    public LoopFactAttribute(params string[] programs)
    {
        if (programs.FirstOrDefault(p => !Program.IsInstalled(p)) is { } missing)
        {
            Skip = $"{missing} is not installed ('./test --install' installs it)";
        }
        else if (!Program.IsInstalled("losetup") || !CanLoop.Value)
        {
            Skip = "a loop device cannot be made here (no losetup, not root, or a container without the right)";
        }
    }
}
