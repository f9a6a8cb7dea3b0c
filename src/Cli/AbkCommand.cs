using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using ActorBackup.Cli.Commands;

namespace ActorBackup.Cli;

/// <summary>The whole tree of commands.</summary>
public static class AbkCommand
{
    public static RootCommand Create(CliHost host)
    {
        var root = new RootCommand("Backups of block devices that cost what changed")
        {
            NodeCommands.Version(host),
            NodeCommands.Status(host),
            NodeCommands.Node(host),
            DiskCommands.Create(host),
            BitmapCommands.Create(host),
            RepositoryCommands.Create(host),
            BackupCommand.Create(host),
            JobCommands.Create(host),
            GroupCommands.Create(host),
            PointCommands.Create(host),
            NodeCommands.Cluster(host),
            CompletionCommand.Create(host),
            ManCommand.Create(host),
            DemoCommand.Create(host),
            GlobalOptions.Endpoint,
            GlobalOptions.TokenFile,
            GlobalOptions.Output,
        };
        var help = root.Options.OfType<HelpOption>().Single();
        help.Action = new TeachingHelp((SynchronousCommandLineAction)help.Action!);
        return root;
    }
}
