namespace ActorBackup.EndToEnd.Tests.Support;

/// <summary>A block device over a file.</summary>
internal sealed class LoopDevice : IAsyncDisposable
{
    private LoopDevice(string path) => Path = path;

    public string Path { get; }

    public static async Task<LoopDevice> OverAsync(string file) => new((await Tool.SucceedAsync("losetup", "-f", "--show", file)).Trim());

    /// <summary>Allocated bytes of the file.</summary>
    public static async Task<long> AllocatedAsync(string file) =>
        512 * long.Parse(await Tool.SucceedAsync("stat", "-c", "%b", file), System.Globalization.CultureInfo.InvariantCulture);

    public async ValueTask DisposeAsync() => await Tool.RunAsync("losetup", ["-d", Path]);
}

/// <summary>Skipped, with the reason, where there can be no loop device.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class LoopFactAttribute : FactAttribute
{
    private static readonly Lazy<bool> CanLoop = new(() =>
    {
        var file = Path.GetTempFileName();
        try
        {
            File.WriteAllBytes(file, new byte[1 << 20]);
            var made = Tool.RunAsync("losetup", ["-f", "--show", file]).GetAwaiter().GetResult();
            return made.ExitCode == 0 && Tool.RunAsync("losetup", ["-d", made.Out.Trim()]).GetAwaiter().GetResult().ExitCode == 0;
        }
        finally
        {
            File.Delete(file);
        }
    });

    public LoopFactAttribute()
    {
        if (!Tool.IsInstalled("losetup") || !CanLoop.Value)
        {
            Skip = "a loop device cannot be made here (no losetup, not root, or a container without the right)";
        }
    }
}
