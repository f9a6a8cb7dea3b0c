using System.CommandLine;
using ActorBackup.Api;
using ActorBackup.Cli.Connection;
using ActorBackup.Cli.Output;

namespace ActorBackup.Cli.Commands;

/// <summary><c>abk group …</c></summary>
public static class GroupCommands
{
    public static Command Create(CliHost host) => new("group", "Backups of several disks at one instant")
    {
        Start(host), List(host), Show(host), Wait(host), Cancel(host), Finalize(host), GroupRestore.Create(host),
    };

    private static Argument<string> Id() => new("ID") { Description = "Id of a group" };

    private static Verb Start(CliHost host)
    {
        var file = new Option<string>("--file", "-f") { Description = "YAML or JSON: completionMode (grouped or individual) and actions", HelpName = "FILE", Required = true };
        var wait = new Option<bool>("--wait") { Description = "Wait for the end and exit with the group's result" };
        var timeout = JobFollowing.TimeoutOption();
        return new Verb(host, "start", "Start every action of a file at one instant, or none") { file, wait, timeout }
            .Example("abk group start -f nightly.yaml --wait")
            .Does(async call =>
            {
                var request = new GroupFile(Path.GetFullPath(call.Get(file)!, call.Host.WorkingDirectory)).Read();
                Check(request);
                var limit = call.Duration(timeout);
                var group = await call.Node.PostAsync(Routes.Groups, request, ApiJson.Default.GroupRequest, ApiJson.Default.GroupResource, call.Cancellation);
                if (call.Get(wait))
                {
                    return await GroupFollowing.WaitAsync(call, group.Id, limit);
                }

                call.Results.Write(group, ApiJson.Default.GroupResource, table => table.Line($"group {group.Id} started: {string.Join(", ", group.Disks)}"));
                return ExitCodes.Done;
            });
    }

    /// <summary>What is refused whatever the state is refused before anything is asked.</summary>
    private static void Check(GroupRequest request)
    {
        foreach (var backup in request.Actions.Select(a => a?.Backup).OfType<BackupRequest>())
        {
            if (BackupFlags.Refusal(backup) is { } refusal)
            {
                throw new CliException(ErrorCodes.InvalidPolicy, $"disk '{backup.Disk}': {refusal}");
            }
        }
    }

    private static Verb List(CliHost host) =>
        new Verb(host, "list", "Groups, oldest first")
            .Example("abk group list", "abk group list -o json")
            .Does(async call =>
            {
                var groups = await call.Node.GetAsync(Routes.Groups, ApiJson.Default.GroupResourceArray, call.Cancellation);
                call.Results.Write(groups, ApiJson.Default.GroupResourceArray, table => GroupTable.Rows(table, groups));
            });

    private static Verb Show(CliHost host)
    {
        var id = Id();
        return new Verb(host, "show", "One group with its members") { id }
            .Example("abk group show 01k2…")
            .Does(async call => Print(call, await call.Node.GetAsync(ApiPath.Group(call.Get(id)), ApiJson.Default.GroupResource, call.Cancellation)));
    }

    private static Verb Wait(CliHost host)
    {
        var id = Id();
        var timeout = JobFollowing.TimeoutOption();
        return new Verb(host, "wait", "Wait for a group's end and exit with its result") { id, timeout }
            .Example("abk group wait 01k2…")
            .Does(call => GroupFollowing.WaitAsync(call, call.Get(id), call.Duration(timeout)));
    }

    private static Verb Cancel(CliHost host)
    {
        var id = Id();
        var force = new Option<bool>("--force") { Description = "Leave every bitmap as if the group had never run. Default: each follows its policy" };
        return new Verb(host, "cancel", "Stop a grouped group, or keep one that failed from being started again") { id, force }
            .Example("abk group cancel 01k2…")
            .Does(async call => Print(call, await call.Node.PostAsync(
                ApiPath.Group(call.Get(id), "cancel"),
                new CancelJobRequest(call.Get(force)),
                ApiJson.Default.CancelJobRequest,
                ApiJson.Default.GroupResource,
                call.Cancellation)));
    }

    private static Verb Finalize(CliHost host)
    {
        var id = Id();
        return new Verb(host, "finalize", "Let a group that waits in pending commit") { id }
            .Example("abk group finalize 01k2…")
            .Does(async call => Print(call, await call.Node.PostAsync(
                ApiPath.Group(call.Get(id), "finalize"), ApiJson.Default.GroupResource, call.Cancellation)));
    }

    private static void Print(Call call, GroupResource group) =>
        call.Results.Write(group, ApiJson.Default.GroupResource, table => GroupTable.Card(table, group));
}
