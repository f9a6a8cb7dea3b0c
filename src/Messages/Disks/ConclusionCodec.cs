using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Blocks;
using ActorBackup.Core.Identity;
using ActorBackup.Core.Jobs;
using W = ActorBackup.Messages.Disks.Wire;

namespace ActorBackup.Messages.Disks;

/// <summary>A job's end and a bitmap's base to and from their wire types; disks and storage share them.</summary>
internal static class ConclusionCodec
{
    public static W.JobConclusion ToWire(JobConclusion c)
    {
        var wire = new W.JobConclusion
        {
            Outcome = (int)c.Outcome,
            Remainder = (int)c.Remainder,
            Base = c.Base is null ? null : ToWire(c.Base),
            TotalBytes = c.Statistics.TotalBytes,
            DoneBytes = c.Statistics.DoneBytes,
            SentBytes = c.Statistics.SentBytes,
            ReusedBytes = c.Statistics.ReusedBytes,
            ZeroBytes = c.Statistics.ZeroBytes,
        };
        wire.BadExtents.AddRange(c.BadExtents.Select(x => new W.Extent { Offset = x.Offset, Length = x.Length }));
        if (c.Point is { } point)
        {
            wire.Point = point.Value;
        }

        if (c.Error is { } error)
        {
            wire.Error = error;
        }

        if (c.ErrorCode is { } code)
        {
            wire.ErrorCode = code;
        }

        return wire;
    }

    public static W.BitmapBase ToWire(BitmapBase b)
    {
        var wire = new W.BitmapBase { State = (int)b.State };
        if (b.Point is { } point)
        {
            wire.Point = point.Value;
        }

        if (b.RepositoryId is { } repository)
        {
            wire.RepositoryId = repository;
        }

        return wire;
    }

    public static JobConclusion From(W.JobConclusion x) =>
        new(
            (JobOutcome)x.Outcome,
            (BitmapRemainder)x.Remainder,
            x.Base is null ? null : From(x.Base),
            x.HasPoint ? new PointId(x.Point) : null,
            x.HasError ? x.Error : null,
            x.HasErrorCode ? x.ErrorCode : null,
            new JobStatistics(x.TotalBytes, x.DoneBytes, x.SentBytes, x.ReusedBytes, x.ZeroBytes),
            [.. x.BadExtents.Select(b => new Extent(b.Offset, b.Length))]);

    public static BitmapBase From(W.BitmapBase x) =>
        new((BaseState)x.State, x.HasPoint ? new PointId(x.Point) : null, x.HasRepositoryId ? x.RepositoryId : null);
}
