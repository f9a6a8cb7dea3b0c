namespace ActorBackup.EndToEnd.Tests.Support;

/// <summary>Skipped, with the reason, where no file system can be mounted from a file and frozen.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class LoopMountFactAttribute : FactAttribute
{
    private static readonly Lazy<bool> CanFreeze = new(() =>
    {
        var directory = Directory.CreateTempSubdirectory("abk-freeze-").FullName;
        var (image, mount) = (Path.Combine(directory, "i"), Path.Combine(directory, "m"));
        Directory.CreateDirectory(mount);
        try
        {
            return Runs("truncate", "-s", "8M", image) && Runs("mkfs.ext4", "-q", "-F", image) && Runs("mount", "-o", "loop", image, mount)
                && Runs("fsfreeze", "--freeze", mount) && Runs("fsfreeze", "--unfreeze", mount);
        }
        finally
        {
            Runs("umount", mount);
            Directory.Delete(directory, recursive: true);
        }
    });

    public LoopMountFactAttribute()
    {
        if (new[] { "mkfs.ext4", "fsfreeze", "mount" }.FirstOrDefault(p => !Tool.IsInstalled(p)) is { } missing)
        {
            Skip = $"{missing} is not installed ('./test --install' installs it)";
        }
        else if (!CanFreeze.Value)
        {
            Skip = "a file system cannot be mounted from a file and frozen here (not root, or a container without the right)";
        }
    }

    private static bool Runs(string program, params string[] arguments) => Tool.RunAsync(program, arguments).GetAwaiter().GetResult().ExitCode == 0;
}
