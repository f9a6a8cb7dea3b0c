using ActorBackup.Core.Identity;
using ActorBackup.Core.Jobs;
using Google.Protobuf;
using W = ActorBackup.Messages.Groups.Wire;

namespace ActorBackup.Messages.Groups;

/// <summary>Group events to and from their journal bytes. Manifests are permanent.</summary>
public static class GroupEventCodec
{
    public static string ManifestOf(GroupEvent e) =>
        e switch
        {
            GroupEvent.GroupCreated => "group.created.1",
            GroupEvent.GroupRefused => "group.refused.1",
            GroupEvent.GroupBegun => "group.begun.1",
            GroupEvent.GroupDecided => "group.decided.1",
            GroupEvent.GroupPartEnded => "group.ended.1",
            GroupEvent.GroupConcluded => "group.concluded.1",
            GroupEvent.GroupRestartable => "group.restartable.1",
            GroupEvent.GroupRestartTried => "group.restart-tried.1",
            GroupEvent.GroupRestarted => "group.restarted.1",
            GroupEvent.GroupRestartRefused => "group.restart-refused.1",
            GroupEvent.GroupRestartDropped => "group.restart-dropped.1",
            _ => throw new ArgumentOutOfRangeException(nameof(e), e.GetType().Name, "An event without a manifest cannot be stored."),
        };

    public static byte[] Encode(GroupEvent e) =>
        e switch
        {
            GroupEvent.GroupCreated x => new W.GroupCreated
            {
                Completion = (int)x.Completion,
                Disks = { x.Disks.Select(d => d.Value) },
                NeedsPerson = x.NeedsPerson,
                AtUnixMs = Millis(x.At),
            }.ToByteArray(),
            GroupEvent.GroupRefused x => new W.GroupRefused { Reason = x.Reason, AtUnixMs = Millis(x.At), Passing = x.IsPassing }.ToByteArray(),
            GroupEvent.GroupBegun x => new W.GroupBegun
            {
                Members = { x.Members.Select(ToWire) },
                HoldMicroseconds = (long)x.Hold.TotalMicroseconds,
                AtUnixMs = Millis(x.At),
            }.ToByteArray(),
            GroupEvent.GroupDecided x => ToWire(x).ToByteArray(),
            GroupEvent.GroupPartEnded x => new W.GroupPartEnded { Disk = x.Disk.Value, Members = { x.Members.Select(ToWire) } }.ToByteArray(),
            GroupEvent.GroupConcluded x => new W.GroupConcluded { AtUnixMs = Millis(x.At) }.ToByteArray(),
            GroupEvent.GroupRestartable x => ToWire(x).ToByteArray(),
            GroupEvent.GroupRestartTried x => new W.GroupRestartTried { Next = x.Next.Value }.ToByteArray(),
            GroupEvent.GroupRestarted x => new W.GroupRestarted { Next = x.Next.Value }.ToByteArray(),
            GroupEvent.GroupRestartRefused x => new W.GroupRestartRefused { Next = x.Next.Value, Reason = x.Reason, Passing = x.IsPassing }.ToByteArray(),
            GroupEvent.GroupRestartDropped => new W.GroupRestartDropped().ToByteArray(),
            _ => throw new ArgumentOutOfRangeException(nameof(e), e.GetType().Name, "An event without a wire type cannot be stored."),
        };

    /// <exception cref="NotSupportedException">The manifest is of a newer version.</exception>
    public static GroupEvent Decode(string manifest, byte[] bytes) =>
        manifest switch
        {
            "group.created.1" => From(W.GroupCreated.Parser.ParseFrom(bytes)),
            "group.refused.1" => From(W.GroupRefused.Parser.ParseFrom(bytes)),
            "group.begun.1" => From(W.GroupBegun.Parser.ParseFrom(bytes)),
            "group.decided.1" => From(W.GroupDecided.Parser.ParseFrom(bytes)),
            "group.ended.1" => From(W.GroupPartEnded.Parser.ParseFrom(bytes)),
            "group.concluded.1" => new GroupEvent.GroupConcluded(Time(W.GroupConcluded.Parser.ParseFrom(bytes).AtUnixMs)),
            "group.restartable.1" => From(W.GroupRestartable.Parser.ParseFrom(bytes)),
            "group.restart-tried.1" => new GroupEvent.GroupRestartTried(new GroupId(W.GroupRestartTried.Parser.ParseFrom(bytes).Next)),
            "group.restarted.1" => new GroupEvent.GroupRestarted(new GroupId(W.GroupRestarted.Parser.ParseFrom(bytes).Next)),
            "group.restart-refused.1" => From(W.GroupRestartRefused.Parser.ParseFrom(bytes)),
            "group.restart-dropped.1" => new GroupEvent.GroupRestartDropped(),
            _ => throw new NotSupportedException($"Group event '{manifest}' was written by a newer version."),
        };

    private static W.GroupMember ToWire(GroupMember m)
    {
        var wire = new W.GroupMember { Disk = m.Disk.Value, Job = m.Job.Value };
        if (m.Outcome is { } outcome)
        {
            wire.Outcome = (int)outcome;
        }

        if (m.Point is { } point)
        {
            wire.Point = point.Value;
        }

        if (m.Error is { } error)
        {
            wire.Error = error;
        }

        return wire;
    }

    private static W.GroupDecided ToWire(GroupEvent.GroupDecided x)
    {
        var wire = new W.GroupDecided { Decision = (int)x.Decision, Cancelled = x.IsCancelled };
        if (x.Reason is { } reason)
        {
            wire.Reason = reason;
        }

        return wire;
    }

    private static W.GroupRestartable ToWire(GroupEvent.GroupRestartable x)
    {
        var wire = new W.GroupRestartable
        {
            Actions = { x.Actions.Select(GroupActionCodec.ToWire) },
            HoldLimitMicroseconds = (long)x.HoldLimit.TotalMicroseconds,
            Restarts = x.Restarts,
            RestartCount = x.RestartCount,
        };
        if (x.RetryOf is { } failed)
        {
            wire.RetryOf = failed.Value;
        }

        return wire;
    }

    private static GroupEvent.GroupRestartable From(W.GroupRestartable x) =>
        new(
            [.. x.Actions.Select(GroupActionCodec.From)],
            TimeSpan.FromMicroseconds(x.HoldLimitMicroseconds),
            x.Restarts,
            x.RestartCount,
            x.HasRetryOf ? new GroupId(x.RetryOf) : null);

    private static GroupEvent.GroupRestartRefused From(W.GroupRestartRefused x) => new(new GroupId(x.Next), x.Reason) { IsPassing = x.Passing };

    private static GroupEvent.GroupCreated From(W.GroupCreated x) =>
        new((GroupCompletion)x.Completion, [.. x.Disks.Select(d => new DiskId(d))], x.NeedsPerson, Time(x.AtUnixMs));

    private static GroupEvent.GroupRefused From(W.GroupRefused x) => new(x.Reason, Time(x.AtUnixMs)) { IsPassing = x.Passing };

    private static GroupEvent.GroupBegun From(W.GroupBegun x) =>
        new([.. x.Members.Select(From)], TimeSpan.FromMicroseconds(x.HoldMicroseconds), Time(x.AtUnixMs));

    private static GroupEvent.GroupDecided From(W.GroupDecided x) => new((GroupDecision)x.Decision, x.HasReason ? x.Reason : null, x.Cancelled);

    private static GroupEvent.GroupPartEnded From(W.GroupPartEnded x) => new(new DiskId(x.Disk), [.. x.Members.Select(From)]);

    private static GroupMember From(W.GroupMember m) =>
        new(
            new DiskId(m.Disk),
            new JobId(m.Job),
            m.HasOutcome ? (JobOutcome)m.Outcome : null,
            m.HasPoint ? new PointId(m.Point) : null,
            m.HasError ? m.Error : null);

    private static long Millis(DateTimeOffset at) => at.ToUnixTimeMilliseconds();

    private static DateTimeOffset Time(long millis) => DateTimeOffset.FromUnixTimeMilliseconds(millis);
}
