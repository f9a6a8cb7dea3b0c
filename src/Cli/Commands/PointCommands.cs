using System.CommandLine;
using ActorBackup.Api;
using ActorBackup.Cli.Connection;
using ActorBackup.Cli.Output;

namespace ActorBackup.Cli.Commands;

/// <summary><c>abk point …</c></summary>
public static class PointCommands
{
    public static Command Create(CliHost host) => new("point", "Recovery points")
    {
        List(host), Show(host), Diff(host), Delete(host), PointJobs.Verify(host), PointJobs.Restore(host), Export(host), Unexport(host),
    };

    private static Verb List(CliHost host)
    {
        var disk = new Option<string?>("--disk") { Description = "Only points of this disk", HelpName = "D" };
        var repo = new Option<string?>("--repo") { Description = "Only points in this repository", HelpName = "R" };
        return new Verb(host, "list", "All recovery points, oldest first") { disk, repo }
            .Example("abk point list --disk db")
            .Does(async call =>
            {
                var path = ApiPath.Query(Routes.Points, ("disk", call.Get(disk)), ("repo", call.Get(repo)));
                var points = await call.Node.GetAsync(path, ApiJson.Default.PointResourceArray, call.Cancellation);
                call.Results.Write(points, ApiJson.Default.PointResourceArray, table => PointTable.Rows(table, points));
            });
    }

    private static Verb Show(CliHost host)
    {
        var point = Arguments.Point();
        return new Verb(host, "show", "One recovery point") { point }
            .Example("abk point show db@latest")
            .Does(async call =>
            {
                var found = await call.Node.GetAsync(ApiPath.Point(call.Get(point)), ApiJson.Default.PointResource, call.Cancellation);
                call.Results.Write(found, ApiJson.Default.PointResource, table => PointTable.Card(table, found));
            });
    }

    private static Verb Diff(CliHost host)
    {
        var (a, b) = (Arguments.Point("A"), Arguments.Point("B"));
        return new Verb(host, "diff", "Which bytes may differ between two points of equal size") { a, b }
            .Example("abk point diff db@2026-11-22T04:00:00Z db@latest")
            .Does(async call =>
            {
                var path = ApiPath.PointDiff(call.Get(a), call.Get(b));
                var extents = await call.Node.GetAsync(path, ApiJson.Default.ExtentResourceArray, call.Cancellation);
                call.Results.Write(extents, ApiJson.Default.ExtentResourceArray, table => ExtentTable.Rows(table, extents));
            });
    }

    private static Verb Delete(CliHost host)
    {
        var points = new Argument<string[]>("POINT") { Description = "Points, in any notation", Arity = ArgumentArity.OneOrMore };
        return new Verb(host, "delete", "Delete points; any of them, at any time. Blocks that no point needs stay until the repository is collected") { points }
            .Example("abk point delete 01k2…", "abk point delete db@2026-11-01T00:00:00Z")
            .Does(async call =>
            {
                var deleted = new List<string>();
                foreach (var name in call.Get(points))
                {
                    // DISK@latest means another point after each deletion, so names are resolved before anything goes.
                    deleted.Add((await call.Node.GetAsync(ApiPath.Point(name), ApiJson.Default.PointResource, call.Cancellation)).Id);
                }

                foreach (var id in deleted.Distinct())
                {
                    await call.Node.DeleteAsync(ApiPath.Point(id), call.Cancellation);
                }

                Removed.Print(
                    call,
                    $"{deleted.Count} deleted: {string.Join(' ', deleted)}; their space returns when the repository is collected (gc)",
                    deleted);
            });
    }

    private static Verb Export(CliHost host)
    {
        var point = Arguments.Point();
        var name = new Option<string?>("--name") { Description = "Name of the export. Default: the point's id", HelpName = "N" };
        var diffFrom = new Option<string?>("--diff-from")
        {
            Description = "Another point of the same repository; clients find where the two differ as qemu:dirty-bitmap:diff-ID", HelpName = "POINT",
        };
        return new Verb(host, "export", "Serve a point read-only over NBD until it is unexported") { point, name, diffFrom }
            .Example("abk point export db@latest --name yesterday", "abk point export db@latest --diff-from db@2026-11-22T04:00:00Z")
            .Does(async call =>
            {
                var request = new ExportPointRequest(call.Get(name) is { } given ? Arguments.NewName(given) : null) { DiffFrom = call.Get(diffFrom) };
                var export = await call.Node.PostAsync(
                    ApiPath.Point(call.Get(point), "export"),
                    request,
                    ApiJson.Default.ExportPointRequest,
                    ApiJson.Default.ExportResource,
                    call.Cancellation);
                call.Results.Write(
                    export, ApiJson.Default.ExportResource, table => table.Card(
                        [("id", export.Id), ("export", export.NbdUri), .. export.DiffContext is { } context ? [("difference", context)] : Array.Empty<(string, string?)>()]));
            });
    }

    private static Verb Unexport(CliHost host)
    {
        var name = new Argument<string>("EXPORT") { Description = "Name of the export, or its point" };
        return new Verb(host, "unexport", "End the export of a point") { name }
            .Example("abk point unexport yesterday")
            .Does(async call =>
            {
                await call.Node.DeleteAsync(ApiPath.Export(call.Get(name)), call.Cancellation);
                Removed.Print(call, $"export {call.Get(name)} ended", call.Get(name));
            });
    }
}
