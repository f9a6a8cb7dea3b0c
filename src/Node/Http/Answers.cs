using ActorBackup.Api;
using ActorBackup.Messages;
using ActorBackup.Messages.Disks;
using ActorBackup.Messages.Groups;

namespace ActorBackup.Node.Http;

/// <summary>Views of the actors as bodies of the API.</summary>
public static class Answers
{
    public static JobResource Of(JobView v) =>
        new(
            v.Id.Value,
            Lower(v.Kind),
            v.Disk?.Value,
            v.Repository?.Value,
            Lower(v.Status),
            v.Outcome is { } outcome ? Lower(outcome) : null,
            v.IsDismissed,
            v.Sync is { } sync ? Lower(sync) : null,
            v.RequestedSync is { } requested ? Lower(requested) : null,
            v.FallbackReason,
            v.Bitmap,
            v.Policy is { } policy ? Lower(policy) : null,
            v.Statistics.TotalBytes,
            v.Statistics.DoneBytes,
            v.Statistics.SentBytes,
            v.Statistics.ReusedBytes,
            v.Statistics.ZeroBytes,
            v.Error,
            [.. v.BadExtents.Select(e => new ExtentResource(e.Offset, e.Length))],
            v.Point?.Value,
            v.Group?.Value,
            v.StartedAt,
            v.EndedAt)
        {
            ErrorCode = Enum.TryParse<RefusalCode>(v.ErrorCode, out var code) ? Problem.CodeOf(code) : v.ErrorCode,
            NeedsPerson = v.NeedsPerson,
            Phase = v.Phase,
            RateBytesPerSecond = v.RateBytesPerSecond,
            RetryOf = v.RetryOf?.Value,
            RetriedAs = v.RetriedAs?.Value,
            Restarts = v.Restarts,
            RestartDue = v.IsRestartDue,
            Target = v.Target,
            NbdUri = v.NbdUri,
        };

    public static BitmapResource Of(BitmapView v, Func<string?, string?> repositoryName)
    {
        var repo = repositoryName(v.Base.RepositoryId);
        var state = v.Base.State != BaseState.None && repo is null ? BaseState.Elsewhere : v.Base.State;
        return new BitmapResource(
            v.Name,
            v.GranularityBytes,
            v.DirtyBytes,
            v.Recording,
            v.BusyWith is not null || v.Group is not null || v.IsExported,
            v.Persistent,
            v.InconsistentReason is not null,
            v.Base.Point?.Value,
            repo ?? v.Base.RepositoryId,
            Lower(state))
        {
            InconsistentReason = v.InconsistentReason,
            Exported = v.IsExported,
        };
    }

    public static GroupResource Of(GroupView v) =>
        new(
            v.Id.Value,
            Lower(v.Completion),
            Lower(v.Status),
            v.Outcome is { } outcome ? Lower(outcome) : null,
            [.. v.Members.Select(m => new GroupMemberResource(m.Disk.Value, m.Job.Value, m.Point?.Value, m.Outcome is { } ended ? Lower(ended) : null) { Error = m.Error })])
        {
            Error = v.Error,
            StartedAt = v.StartedAt,
            EndedAt = v.EndedAt,
            Disks = [.. v.Disks.Select(d => d.Value)],
            HoldMicroseconds = v.Hold is { } hold ? (long)hold.TotalMicroseconds : null,
            Restarts = v.Restarts,
            RestartDue = v.IsRestartDue,
            RetryOf = v.RetryOf?.Value,
            RetriedAs = v.RetriedAs?.Value,
        };

    public static string Lower<T>(T value)
        where T : struct, Enum => value.ToString().ToLowerInvariant();
}
