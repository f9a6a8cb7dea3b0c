using System.CommandLine;
using ActorBackup.Api;
using ActorBackup.Cli.Output;
using ActorBackup.Cli.Values;

namespace ActorBackup.Cli.Commands;

/// <summary>Commands about the program and the node as a whole.</summary>
public static class NodeCommands
{
    private static readonly TimeSpan OverdueByDefault = TimeSpan.FromHours(24);

    public static Verb Version(CliHost host)
    {
        var node = new Option<bool>("--node") { Description = "Ask the node for its version too" };
        return new Verb(host, "version", "This program's version") { node }
            .Example("abk version", "abk version --node -o json")
            .Does(async call =>
            {
                var own = typeof(NodeCommands).Assembly.GetName().Version?.ToString(3) ?? "unknown";
                var remote = call.Get(node)
                    ? (await call.Node.GetAsync(Routes.Version, ApiJson.Default.VersionResource, call.Cancellation)).Version
                    : null;
                call.Results.Write(new VersionText(own, remote), CliJson.Default.VersionText, table =>
                    table.Line(remote is null ? $"abk {own}" : $"abk {own}, node {remote}"));
            });
    }

    public static Verb Status(CliHost host)
    {
        var overdueAfter = new Option<string?>("--overdue-after") { Description = "Age of the last success that is too old. Default: 24h", HelpName = "TIME" };
        return new Verb(host, "status", "Disks that are unprotected, overdue or failing, or have a job that waits for a person; exit code 3 if there is any") { overdueAfter }
            .Example("abk status", "abk status --overdue-after 7d -o json")
            .Does(async call =>
            {
                var limit = call.Duration(overdueAfter) ?? OverdueByDefault;
                var disks = await call.Node.GetAsync(Routes.Disks, ApiJson.Default.DiskResourceArray, call.Cancellation);
                var jobs = await call.Node.GetAsync(Routes.Jobs, ApiJson.Default.JobResourceArray, call.Cancellation);
                var protection = Protection.Of(disks, jobs, call.Host.Clock.GetUtcNow(), limit);
                call.Results.Write(protection, CliJson.Default.Protection, table => Rows(table, protection));
                return protection.IsWell ? ExitCodes.Done : ExitCodes.Warnings;
            });
    }

    public static Command Cluster(CliHost host) => new("cluster", "The cluster")
    {
        new Verb(host, "status", "Members, who is unreachable, and the leader")
            .Example("abk cluster status")
            .Does(async call =>
            {
                var cluster = await call.Node.GetAsync(Routes.Cluster, ApiJson.Default.ClusterResource, call.Cancellation);
                call.Results.Write(cluster, ApiJson.Default.ClusterResource, table => Rows(table, cluster));
            }),
    };

    /// <summary>Only for help: the launcher runs the node itself, so that its process is the node.</summary>
    public static Command Node(CliHost host) => new("node", "A node: serves the API and the exports")
    {
        new Verb(host, "run", "Run a node in the foreground; prints one line 'ready http=… nbd=…' when it serves")
            {
                new Option<string?>("--data") { Description = "Data directory. Default: ./abk-data", HelpName = "DIR" },
                new Option<string?>("--http") { Description = "Address of the API; port 0 takes a free one. Default: 127.0.0.1:8440", HelpName = "HOST:PORT" },
                new Option<string?>("--nbd-socket") { Description = "Unix socket of the exports. Default: DATA/nbd.sock", HelpName = "PATH" },
                new Option<string?>("--nbd") { Description = "Serve the exports over TCP too", HelpName = "HOST:PORT" },
                new Option<string?>("--nbd-tls-certificate") { Description = "TLS for NBD over TCP: the server's certificate", HelpName = "PEM" },
                new Option<string?>("--nbd-tls-key") { Description = "Its key, without a passphrase", HelpName = "PEM" },
                new Option<string?>("--nbd-tls-client-ca") { Description = "Serve only clients whose certificates this authority issued", HelpName = "PEM" },
                new Option<string?>("--nbd-tls") { Description = "require, allow or off. Default: require when there is a certificate", HelpName = "MODE" },
                new Option<string?>("--config") { Description = "Configuration file, HOCON: actorbackup { data, http, nbd, … } and any akka setting", HelpName = "FILE" },
                new Option<string?>("--host") { Description = "This node's host label. Default: the host's name", HelpName = "LABEL" },
                new Option<bool>("--insecure") { Description = "Allow unencrypted NBD and HTTP beyond loopback" },
            }
            .Example("./abk node run --data /var/lib/actorbackup")
            .Does(Task (_) => throw new CliException(ErrorCodes.NotSupported, "a node is started by the launcher: './abk node run' in the source tree")),
    };

    private static void Rows(TableWriter table, Protection protection) =>
        table.Rows(
            "no disks; add one with 'abk disk add ID --file PATH'",
            ["DISK", "STATE", "LAST SUCCESS", "PROBLEMS", "REASON"],
            protection.Disks.Select(d => (IReadOnlyList<string>)
                [d.Id, d.State, TimeText.Format(d.LastSuccessAt), d.Problems.Count == 0 ? "none" : string.Join(", ", d.Problems), d.Reason ?? "-"]));

    private static void Rows(TableWriter table, ClusterResource cluster)
    {
        table.Rows(
            "no members",
            ["MEMBER", "STATUS", "ROLES", "HOST", ""],
            cluster.Members.Select(m => (IReadOnlyList<string>)
            [
                m.Address, m.Status, string.Join(' ', m.Roles), m.Host ?? "-",
                (m.Address == cluster.Leader ? "leader" : "") + (cluster.Unreachable.Contains(m.Address) ? " unreachable" : ""),
            ]));
    }
}
