using System.CommandLine;
using ActorBackup.Api;
using ActorBackup.Cli.Demo;

namespace ActorBackup.Cli.Commands;

/// <summary><c>abk demo</c></summary>
public static class DemoCommand
{
    /// <summary>Where the launcher puts the node, seen from this program.</summary>
    private static readonly string NodeAssembly = Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "..", "node", "ActorBackup.Node.dll"));

    public static Verb Create(CliHost host)
    {
        var keep = new Option<string?>("--keep") { Description = "Work in this directory and leave everything there. Default: a temporary one", HelpName = "DIR" };
        var image = new Option<string?>("--image") { Description = "Use a copy of this raw image. Default: a file system with files of this machine", HelpName = "PATH" };
        return new Verb(
                host, "demo", "Full backup, guest writes, incremental, a failure half-way, the retry, restore, kill -9: shown and checked on a real disk")
            {
                keep, image,
            }
            .Example("./abk demo", "./abk demo --keep /tmp/abk-demo --image debian.raw")
            .Does(RunAsync);

        async Task<int> RunAsync(Call call)
        {
            var given = call.FullPath(image);
            if (given is not null && !File.Exists(given))
            {
                throw new CliException(ErrorCodes.MissingFile, $"there is no image {given}");
            }

            if (!File.Exists(NodeAssembly))
            {
                throw new CliException(ErrorCodes.MissingFile, $"there is no node at {NodeAssembly}; start the demo with ./abk, which builds it");
            }

            var kept = call.FullPath(keep);
            var directory = kept is null ? Directory.CreateTempSubdirectory("abk-demo-").FullName : Empty(kept);
            try
            {
                return await new DemoRun(call.Host, NodeAssembly, directory, given).RunAsync(call.Cancellation);
            }
            finally
            {
                if (kept is null)
                {
                    Directory.Delete(directory, recursive: true);
                }
            }
        }
    }

    private static string Empty(string directory)
    {
        Directory.CreateDirectory(directory);
        return Directory.EnumerateFileSystemEntries(directory).Any()
            ? throw new CliException(ErrorCodes.Exists, $"{directory} is not empty; name another directory with --keep")
            : directory;
    }
}
