using ActorBackup.Api;

namespace ActorBackup.Cli.Commands;

/// <summary><c>abk backup DISK</c></summary>
public static class BackupCommand
{
    public static Verb Create(CliHost host)
    {
        var disk = Arguments.Disk();
        var flags = new BackupFlags();
        var wait = JobFollowing.WaitOption();
        var timeout = JobFollowing.TimeoutOption();
        var verb = new Verb(host, "backup", "Make a recovery point of a disk") { disk };
        flags.AddTo(verb);
        verb.Add(wait);
        verb.Add(timeout);
        return verb
            .Example(
                "abk backup db --wait",
                "abk backup db --sync full --bitmap daily --policy always --wait",
                "abk backup db --sync bitmap --bitmap daily --policy always --rate 100M --wait")
            .Does(async call =>
            {
                var request = flags.Read(call, call.Get(disk));
                var limit = call.Duration(timeout);
                var job = await call.Node.PostAsync(
                    Routes.Backups, request, ApiJson.Default.BackupRequest, ApiJson.Default.JobResource, call.Cancellation);
                return call.Get(wait) ? await JobFollowing.WaitAsync(call, job.Id, limit) : JobFollowing.Announce(call, job);
            });
    }
}
