using System.CommandLine;
using ActorBackup.Cli.Output;

namespace ActorBackup.Cli.Commands;

/// <summary><c>abk man</c>: the manual page, from the same definitions as help and completion.</summary>
public static class ManCommand
{
    public static Verb Create(CliHost host)
    {
        var verb = new Verb(host, "man", "This program's manual page, for man");
        return verb
            .Example("./abk man > ~/.local/share/man/man1/abk.1", "./abk man | man -l -")
            .Does(call =>
            {
                call.Host.Out.Write(ManPage.Of((RootCommand)verb.Parents.Single()));
                return Task.CompletedTask;
            });
    }
}
