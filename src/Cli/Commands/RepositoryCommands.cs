using System.CommandLine;
using ActorBackup.Api;
using ActorBackup.Cli.Connection;
using ActorBackup.Cli.Output;
using ActorBackup.Cli.Values;

namespace ActorBackup.Cli.Commands;

/// <summary><c>abk repo …</c></summary>
public static class RepositoryCommands
{
    public static Command Create(CliHost host) => new("repo", "Repositories, where points and blocks are kept")
    {
        Create(host, "create", "Make a new repository", Routes.Repositories, "abk repo create main /srv/backups --default"),
        Create(host, "attach", "Use a repository that exists", $"{Routes.Repositories}/attach", "abk repo attach main /srv/backups"),
        Detach(host), List(host), Show(host), Reindex(host),
    };

    private static Verb Create(CliHost host, string verb, string description, string route, string example)
    {
        var name = new Argument<string>("NAME") { Description = "The node's name for it" };
        var url = new Argument<string>("URL") { Description = "A directory on the node, as path or file: URL" };
        var isDefault = new Option<bool>("--default") { Description = "Where backups go that name no --repo" };
        return new Verb(host, verb, description) { name, url, isDefault }
            .Example(example)
            .Does(async call =>
            {
                var request = new CreateRepositoryRequest(Arguments.NewName(call.Get(name)), Url(call, url)) { Default = call.Get(isDefault) };
                var repository = await call.Node.PostAsync(
                    route, request, ApiJson.Default.CreateRepositoryRequest, ApiJson.Default.RepositoryResource, call.Cancellation);
                Print(call, repository);
            });
    }

    private static string Url(Call call, Argument<string> url) =>
        call.Get(url) is { Length: > 0 } text
            ? RepositoryUrl.Absolute(text, call.Host.WorkingDirectory)
            : throw new CliException(ErrorCodes.InvalidArgument, "a repository needs a directory or a file: URL");

    private static Verb Detach(CliHost host)
    {
        var name = Arguments.Repository();
        return new Verb(host, "detach", "Forget a repository; everything in it stays and can be attached again") { name }
            .Example("abk repo detach main")
            .Does(async call =>
            {
                await call.Node.DeleteAsync(ApiPath.Repository(call.Get(name)), call.Cancellation);
                Removed.Print(call, $"repository {call.Get(name)} detached", call.Get(name));
            });
    }

    private static Verb List(CliHost host) =>
        new Verb(host, "list", "All repositories")
            .Example("abk repo list")
            .Does(async call =>
            {
                var all = await call.Node.GetAsync(Routes.Repositories, ApiJson.Default.RepositoryResourceArray, call.Cancellation);
                call.Results.Write(all, ApiJson.Default.RepositoryResourceArray, table => RepositoryTable.Rows(table, all));
            });

    private static Verb Show(CliHost host)
    {
        var name = Arguments.Repository();
        return new Verb(host, "show", "One repository") { name }
            .Example("abk repo show main")
            .Does(async call => Print(call, await call.Node.GetAsync(
                ApiPath.Repository(call.Get(name)), ApiJson.Default.RepositoryResource, call.Cancellation)));
    }

    private static Verb Reindex(CliHost host)
    {
        var name = Arguments.Repository();
        return new Verb(host, "reindex", "Rebuild the index of blocks from the packs alone") { name }
            .Example("abk repo reindex main")
            .Does(async call => Print(call, await call.Node.PostAsync(
                ApiPath.Repository(call.Get(name), "reindex"), ApiJson.Default.RepositoryResource, call.Cancellation)));
    }

    private static void Print(Call call, RepositoryResource repository) =>
        call.Results.Write(repository, ApiJson.Default.RepositoryResource, table => RepositoryTable.Card(table, repository));
}
