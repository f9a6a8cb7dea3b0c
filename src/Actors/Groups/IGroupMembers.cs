using ActorBackup.Messages.Disks;

namespace ActorBackup.Actors.Groups;

/// <summary>The disks of a group, as its coordinator reaches them: messages may be lost, late, or come twice.</summary>
public interface IGroupMembers
{
    /// <exception cref="TimeoutException">No answer came in time; the disk may have done what it was asked for or not, or may do it later.</exception>
    Task<DiskReply> AskAsync(DiskCommand command, TimeSpan patience);

    /// <exception cref="TimeoutException">No answer came in time.</exception>
    Task<DiskReply> AskAsync(DiskQuery query, TimeSpan patience);
}
