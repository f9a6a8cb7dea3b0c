using ActorBackup.Messages.Disks;
using Akka.Actor;

namespace ActorBackup.Actors.Groups;

/// <summary>Disks by their shard region.</summary>
public sealed class GroupMembers(IActorRef disks) : IGroupMembers
{
    public Task<DiskReply> AskAsync(DiskCommand command, TimeSpan patience) => AskAsync((object)command, patience);

    public Task<DiskReply> AskAsync(DiskQuery query, TimeSpan patience) => AskAsync((object)query, patience);

    private async Task<DiskReply> AskAsync(object message, TimeSpan patience)
    {
        try
        {
            return await disks.Ask<DiskReply>(message, patience).ConfigureAwait(false);
        }
        catch (AskTimeoutException e)
        {
            throw new TimeoutException(e.Message, e);
        }
    }
}
