using ActorBackup.Api;
using ActorBackup.Cli.Values;

namespace ActorBackup.Cli.Output;

/// <summary>Groups for people.</summary>
public static class GroupTable
{
    public static void Rows(TableWriter table, IEnumerable<GroupResource> groups) =>
        table.Rows(
            "no groups",
            ["GROUP", "MODE", "STATUS", "OUTCOME", "DISKS"],
            groups.Select(g => (IReadOnlyList<string>)[g.Id, g.CompletionMode, g.Status, g.Outcome ?? "-", string.Join(", ", g.Disks)]));

    public static void Card(TableWriter table, GroupResource group) =>
        table.Card([
            ("id", group.Id),
            ("mode", group.CompletionMode),
            ("status", group.Outcome is null ? group.Status : $"{group.Status}, {group.Outcome}"),
            ("error", group.Error),
            ("restart", group.RestartDue ? "it will be started again by itself" : null),
            ("retry of", group.RetryOf),
            ("retried as", group.RetriedAs),
            ("writes held", group.HoldMicroseconds is { } held ? $"{held / 1000.0:0.0} ms" : null),
            .. group.Members.Select(m => ($"disk {m.Disk}", (string?)$"{m.Outcome ?? "-"}, job {m.Job}{(m.Point is null ? "" : $", point {m.Point}")}")),
            ("started", TimeText.Format(group.StartedAt)),
            ("ended", TimeText.Format(group.EndedAt)),
        ]);
}
