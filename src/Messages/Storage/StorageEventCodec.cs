using ActorBackup.Core.Blocks;
using ActorBackup.Core.Identity;
using ActorBackup.Core.Jobs;
using ActorBackup.Messages.Disks;
using Google.Protobuf;
using W = ActorBackup.Messages.Storage.Wire;

namespace ActorBackup.Messages.Storage;

/// <summary>Storage events to and from their journal bytes. Manifests are permanent.</summary>
public static class StorageEventCodec
{
    public static string ManifestOf(StorageEvent e) =>
        e switch
        {
            StorageEvent.JobStarted => "storage.started.1",
            StorageEvent.JobConcluded => "storage.concluded.1",
            StorageEvent.JobDismissed => "storage.dismissed.1",
            StorageEvent.JobSuspended => "storage.suspended.1",
            StorageEvent.JobResumed => "storage.resumed.1",
            StorageEvent.JobsForgotten => "storage.forgotten.1",
            _ => throw new ArgumentOutOfRangeException(nameof(e), e.GetType().Name, "An event without a manifest cannot be stored."),
        };

    public static byte[] Encode(StorageEvent e) =>
        e switch
        {
            StorageEvent.JobStarted x => Encode(x),
            StorageEvent.JobConcluded x => new W.JobConcluded
            {
                Job = x.Job.Value,
                Conclusion = ConclusionCodec.ToWire(x.Conclusion),
                AtUnixMs = x.At.ToUnixTimeMilliseconds(),
            }.ToByteArray(),
            StorageEvent.JobDismissed x => new W.JobDismissed { Job = x.Job.Value }.ToByteArray(),
            StorageEvent.JobSuspended x => Encode(x),
            StorageEvent.JobResumed x => new W.JobResumed { Job = x.Job.Value }.ToByteArray(),
            StorageEvent.JobsForgotten x => new W.JobsForgotten { Jobs = { x.Jobs.Select(j => j.Value) } }.ToByteArray(),
            _ => throw new ArgumentOutOfRangeException(nameof(e), e.GetType().Name, "An event without a wire type cannot be stored."),
        };

    /// <exception cref="NotSupportedException">The manifest is of a newer version.</exception>
    public static StorageEvent Decode(string manifest, byte[] bytes)
    {
        switch (manifest)
        {
            case "storage.started.1":
                return From(W.JobStarted.Parser.ParseFrom(bytes));
            case "storage.concluded.1":
                var c = W.JobConcluded.Parser.ParseFrom(bytes);
                return new StorageEvent.JobConcluded(
                    new JobId(c.Job), ConclusionCodec.From(c.Conclusion), DateTimeOffset.FromUnixTimeMilliseconds(c.AtUnixMs));
            case "storage.dismissed.1":
                return new StorageEvent.JobDismissed(new JobId(W.JobDismissed.Parser.ParseFrom(bytes).Job));
            case "storage.suspended.1":
                return From(W.JobSuspended.Parser.ParseFrom(bytes));
            case "storage.resumed.1":
                return new StorageEvent.JobResumed(new JobId(W.JobResumed.Parser.ParseFrom(bytes).Job));
            case "storage.forgotten.1":
                return new StorageEvent.JobsForgotten([.. W.JobsForgotten.Parser.ParseFrom(bytes).Jobs.Select(j => new JobId(j))]);
            default:
                throw new NotSupportedException($"Storage event '{manifest}' was written by a newer version.");
        }
    }

    private static StorageEvent.JobStarted From(W.JobStarted s)
    {
        var job = new StorageJob(
            new JobId(s.Id), (JobKind)s.Kind, new PointId(s.Point), new DiskId(s.Disk), s.HasTarget ? s.Target : null, s.Force, s.Percent)
        {
            Bitmap = s.Bitmap is { } b ? new NewBitmap(b.Name, b.HasGranularityBytes ? b.GranularityBytes : null, b.Persistent) : null,
            RateBytesPerSecond = s.RateBytesPerSecond,
            RetryOf = s.HasRetryOf ? new JobId(s.RetryOf) : null,
        };
        return new StorageEvent.JobStarted(job, DateTimeOffset.FromUnixTimeMilliseconds(s.AtUnixMs));
    }

    private static StorageEvent.JobSuspended From(W.JobSuspended s) =>
        new(new JobId(s.Job), new SuspendedRead(
            new JobStatistics(s.TotalBytes, s.DoneBytes, s.SentBytes, s.ReusedBytes, s.ZeroBytes),
            s.RateBytesPerSecond,
            s.IsPaused,
            s.NextBlock,
            [.. s.Damage.Select(d => new ReadDamage(new Extent(d.Offset, d.Length), d.Reason))]));

    private static byte[] Encode(StorageEvent.JobSuspended x) =>
        new W.JobSuspended
        {
            Job = x.Job.Value,
            TotalBytes = x.Suspended.Statistics.TotalBytes,
            DoneBytes = x.Suspended.Statistics.DoneBytes,
            SentBytes = x.Suspended.Statistics.SentBytes,
            ReusedBytes = x.Suspended.Statistics.ReusedBytes,
            ZeroBytes = x.Suspended.Statistics.ZeroBytes,
            RateBytesPerSecond = x.Suspended.RateBytesPerSecond,
            IsPaused = x.Suspended.IsPaused,
            NextBlock = x.Suspended.NextBlock,
            Damage = { x.Suspended.Damage.Select(d => new W.ReadDamage { Offset = d.Extent.Offset, Length = d.Extent.Length, Reason = d.Reason }) },
        }.ToByteArray();

    private static byte[] Encode(StorageEvent.JobStarted x)
    {
        var wire = new W.JobStarted
        {
            Id = x.Job.Id.Value,
            Kind = (int)x.Job.Kind,
            Point = x.Job.Point.Value,
            Disk = x.Job.Disk.Value,
            Force = x.Job.Force,
            Percent = x.Job.Percent,
            RateBytesPerSecond = x.Job.RateBytesPerSecond,
            AtUnixMs = x.At.ToUnixTimeMilliseconds(),
        };
        if (x.Job.Target is { } target)
        {
            wire.Target = target;
        }

        if (x.Job.RetryOf is { } retried)
        {
            wire.RetryOf = retried.Value;
        }

        if (x.Job.Bitmap is { } bitmap)
        {
            wire.Bitmap = new W.NewBitmap { Name = bitmap.Name, Persistent = bitmap.Persistent };
            if (bitmap.GranularityBytes is { } granularity)
            {
                wire.Bitmap.GranularityBytes = granularity;
            }
        }

        return wire.ToByteArray();
    }
}
