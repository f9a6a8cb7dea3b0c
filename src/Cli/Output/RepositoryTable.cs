using System.Globalization;
using ActorBackup.Api;
using ActorBackup.Cli.Values;

namespace ActorBackup.Cli.Output;

/// <summary>Repositories for people.</summary>
public static class RepositoryTable
{
    public static void Rows(TableWriter table, IEnumerable<RepositoryResource> repositories) =>
        table.Rows(
            "no repositories; make one with 'abk repo create NAME DIRECTORY --default'",
            ["REPOSITORY", "STATE", ">POINTS", ">STORED", ">LOGICAL", "URL"],
            repositories.Select(r => (IReadOnlyList<string>)
            [
                r.Name + (r.Default ? " (default)" : ""), r.State, r.Points.ToString(CultureInfo.InvariantCulture),
                ByteSize.Format(r.StoredBytes), ByteSize.Format(r.LogicalBytes), r.Url,
            ]));

    public static void Card(TableWriter table, RepositoryResource repository) =>
        table.Card(
            ("name", repository.Name + (repository.Default ? " (default)" : "")),
            ("url", repository.Url),
            ("state", repository.StateReason is null ? repository.State : $"{repository.State}: {repository.StateReason}"),
            ("points", repository.Points.ToString(CultureInfo.InvariantCulture)),
            ("stored", $"{repository.StoredBytes} ({ByteSize.Format(repository.StoredBytes)})"),
            ("logical", $"{repository.LogicalBytes} ({ByteSize.Format(repository.LogicalBytes)})"));
}
