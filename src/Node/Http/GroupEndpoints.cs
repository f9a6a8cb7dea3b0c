using System.Security.Cryptography;
using ActorBackup.Api;
using ActorBackup.Core.Identity;
using ActorBackup.Domain.Groups;
using ActorBackup.Messages.Groups;

namespace ActorBackup.Node.Http;

/// <summary><c>/v1/groups</c>.</summary>
public static class GroupEndpoints
{
    private const int WaitMsMax = 60_000;
    private const int HoldMsMax = 60_000;

    public static void Map(IEndpointRouteBuilder app)
    {
        var groups = app.MapGroup(Routes.Groups).WithTags("groups");
        groups.MapPost("", StartAsync).Produces<GroupResource>(201).WithSummary("Start actions on several disks at one instant");
        groups.MapGet("", ListAsync).Produces<GroupResource[]>().WithSummary("Groups, oldest first");
        groups.MapGet("/{group}", (string group, NodeGateway node) => AskAsync(group, node, id => new GroupCommand.Get { Group = id })).Produces<GroupResource>();
        groups.MapGet("/{group}/wait", (string group, int? timeoutMs, NodeGateway node) =>
        {
            var timeout = TimeSpan.FromMilliseconds(Math.Clamp(timeoutMs ?? 1000, 0, WaitMsMax));
            return AskAsync(group, node, id => new GroupCommand.Await(timeout) { Group = id });
        }).Produces<GroupResource>().WithSummary("The group, when it needs no more waiting or the time is up");
        groups.MapPost("/{group}/cancel", (string group, CancelJobRequest? body, NodeGateway node) =>
            AskAsync(group, node, id => new GroupCommand.Cancel(body?.Force ?? false) { Group = id })).Produces<GroupResource>();
        groups.MapPost("/{group}/finalize", (string group, NodeGateway node) =>
            AskAsync(group, node, id => new GroupCommand.Complete { Group = id })).Produces<GroupResource>();
    }

    private static async Task<IResult> StartAsync(GroupRequest request, NodeGateway node)
    {
        if (request.CompletionMode is not (null or "grouped" or "individual"))
        {
            return Problem.Of(ErrorCodes.InvalidArgument, $"completionMode '{request.CompletionMode}' is neither 'grouped' nor 'individual'");
        }

        if (request.HoldLimitMs is < 1 or > HoldMsMax)
        {
            return Problem.Of(ErrorCodes.InvalidArgument, $"holdLimitMs must be from 1 to {HoldMsMax}");
        }

        if (GroupActions.Check(request.Actions) is { } problem)
        {
            return problem;
        }

        if (GroupDecider.RefuseCount(request.Actions.Count) is { } refusal)
        {
            return Problem.Of(refusal);
        }

        var (actions, impossible) = await GroupActions.ResolveAsync(request.Actions, node);
        if (actions.Count == 0)
        {
            return Problem.Of(impossible!);
        }

        var id = new GroupId(SortableId.Create(TimeProvider.System.GetUtcNow(), RandomNumberGenerator.GetBytes(10)));
        var completion = request.CompletionMode == "grouped" ? GroupCompletion.Grouped : GroupCompletion.Individual;
        var start = new GroupCommand.Start(completion, actions) { Group = id, Impossible = impossible };
        return Answer(await node.AskAsync(request.HoldLimitMs is { } limit ? start with { HoldLimit = TimeSpan.FromMilliseconds(limit) } : start), 201);
    }

    private static async Task<IResult> ListAsync(NodeGateway node)
    {
        var replies = await Task.WhenAll((await node.GroupsAsync()).Select(g => node.AskAsync(new GroupCommand.Get { Group = g.Id })));
        return Results.Json([.. replies.OfType<GroupReply.Group>().Select(g => Answers.Of(g.View))], ApiJson.Default.GroupResourceArray);
    }

    private static async Task<IResult> AskAsync(string group, NodeGateway node, Func<GroupId, GroupCommand> command) =>
        SortableId.IsValid(group) ? Answer(await node.AskAsync(command(new GroupId(group))), 200) : Problem.Of(GroupDecider.Unknown(new GroupId(group)));

    private static IResult Answer(GroupReply reply, int status) =>
        reply switch
        {
            GroupReply.Group g => Results.Json(Answers.Of(g.View), ApiJson.Default.GroupResource, statusCode: status),
            GroupReply.Rejected r => Problem.Of(r.Refusal),
            _ => Problem.Of(ErrorCodes.Internal, $"unexpected reply {reply.GetType().Name}"),
        };
}
