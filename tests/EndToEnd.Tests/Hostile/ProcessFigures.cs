using System.Globalization;

namespace ActorBackup.EndToEnd.Tests.Hostile;

/// <summary>What the kernel says about a process.</summary>
internal sealed record ProcessFigures(long ResidentMiB, long PeakMiB, int Threads, int Sockets, int Descriptors)
{
    public static ProcessFigures Of(int process)
    {
        var status = File.ReadAllLines($"/proc/{process}/status").Select(l => l.Split(':')).ToDictionary(l => l[0], l => l[1].Trim().Split(' ')[0]);
        var descriptors = Directory.GetFileSystemEntries($"/proc/{process}/fd");
        return new ProcessFigures(
            Number(status["VmRSS"]) / 1024,
            Number(status["VmHWM"]) / 1024,
            (int)Number(status["Threads"]),
            descriptors.Count(d => new FileInfo(d).LinkTarget?.StartsWith("socket:", StringComparison.Ordinal) == true),
            descriptors.Length);
    }

    /// <summary>How many files this process may have open.</summary>
    public static long OpenFilesMax { get; } = Number(File.ReadAllLines("/proc/self/limits").Single(l => l.StartsWith("Max open files", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[4]);

    private static long Number(string text) => text == "unlimited" ? long.MaxValue : long.Parse(text, CultureInfo.InvariantCulture);
}
