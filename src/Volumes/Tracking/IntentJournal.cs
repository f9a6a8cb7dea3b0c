using System.Numerics;
using ActorBackup.Files;
using ActorBackup.Volumes.Scheduling;

namespace ActorBackup.Volumes.Tracking;

/// <summary>Makes write intents durable in groups, and forgets them lazily.</summary>
/// <remarks>
/// All writes of the intent page come from one batch at a time, so an older image never overwrites a newer one. A batch writes whole 512-byte sectors of
/// the image in memory. If power fails meanwhile, a sector is a mixture of old and new bytes, and both are safe: a bit whose write may have reached the
/// backing was durable before that write began, so it is set in the old bytes and in the new ones, unless a checkpoint made it superfluous; a
/// bit that is set too much costs copying, not data.
///
/// While guests keep asking for new regions, each brings its neighbours' intents with its own, and intents stay longer: writes all over a disk soon find
/// theirs there. Should the process die, those neighbours count as dirty; when the asking ends they are forgotten like other quiet regions.
/// </remarks>
internal sealed class IntentJournal(IFile file, RegionTable regions, IScheduler scheduler, TrackingHealth health, Heartbeat heartbeat)
{
    private const int BitsPerSector = TrackingFormat.SectorBytes * 8;

    /// <summary>So many new regions between two background checkpoints double what one brings.</summary>
    private const int AsksPerDoubling = 32;

    private const int PatienceMax = RegionTable.IdleMax + 1;
    private const long WidthBytesMax = 256 * 1024 * 1024;

    private readonly byte[] _image = new byte[TrackingFormat.PageBytes];
    private readonly byte[] _snapshot = new byte[TrackingFormat.PageBytes];
    private readonly int[] _batchOf = new int[regions.Count];
    private readonly int _widthMax = (int)Math.Max(1, WidthBytesMax / regions.RegionBytes);
    private readonly Lock _lock = new();
    private Batch _next = new(1);
    private Batch? _running;
    private bool _active;

    // Regions that get their intents together: a power of two, and they are aligned to it.
    private int _width = 1;

    // Background checkpoints that a region must be quiet for.
    private int _patience = 1;
    private int _asks;

    /// <summary>Completes when the intents of the regions are durable. The caller has entered the regions.</summary>
    public Task CommitAsync(int first, int last)
    {
        if (health.Failure is { } failure)
        {
            return Task.FromException(failure);
        }

        lock (_lock)
        {
            var joinsRunning = false;
            var joinsNext = false;
            for (var region = first; region <= last; region++)
            {
                if (regions.IsDurable(region))
                {
                    continue;
                }

                if (_running is not null && _batchOf[region] == _running.Number)
                {
                    joinsRunning = true;
                    continue;
                }

                joinsNext = true;
                AskFor(region);
            }

            return (joinsRunning, joinsNext) switch
            {
                (false, false) => Task.CompletedTask,
                (true, false) => _running!.Done.Join(),
                (false, true) => JoinNext(),
                _ => Task.WhenAll(_running!.Done.Join(), JoinNext()),
            };
        }
    }

    /// <summary>Completes when there is a new lease, or it is known that there can be none. Every commit brings one, too.</summary>
    public async Task RenewLeaseAsync()
    {
        Task next;
        lock (_lock)
        {
            next = JoinNext();
        }

        try
        {
            await next.ConfigureAwait(false);
        }
        catch (VolumeException)
        {
            // Without a lease a crash costs the bitmaps' consistency; that is no reason to fail a write now.
        }
    }

    /// <summary>Forgets the intents of regions that saw no write since they were found quiet; what they marked must be durable elsewhere.</summary>
    /// <remarks>Not synced: an intent that comes back after a crash claims too much. Returns when the page is written.</remarks>
    public Task ForgetAsync(List<int> quiet)
    {
        lock (_lock)
        {
            // The lock keeps a commit of the same region from setting the bit in the image between these two steps.
            var forgotten = 0;
            foreach (var region in quiet)
            {
                if (regions.TryForget(region))
                {
                    _image[region >> 3] &= (byte)~(1 << (region & 7));
                    _next.Sectors |= 1 << (region / BitsPerSector);
                    forgotten++;
                }
            }

            return forgotten == 0 ? Task.CompletedTask : Start();
        }
    }

    /// <summary>A background checkpoint begins. Returns for how many of them a region must have been quiet before its intent goes.</summary>
    public int EndPeriod()
    {
        lock (_lock)
        {
            var isBusy = _asks >= AsksPerDoubling;
            _asks = 0;
            _width = isBusy ? _width : Math.Max(_width / 2, 1);
            _patience = isBusy ? Math.Min(_patience * 2, PatienceMax) : Math.Max(_patience / 2, 1);
            return _patience;
        }
    }

    private void AskFor(int region)
    {
        if (_batchOf[region] == _next.Number)
        {
            return;
        }

        AddToNext(region);
        var first = region & -_width;
        for (var neighbour = first; neighbour < Math.Min(first + _width, regions.Count); neighbour++)
        {
            if (!regions.IsDurable(neighbour) && _batchOf[neighbour] < (_running ?? _next).Number)
            {
                AddToNext(neighbour);
            }
        }

        if (++_asks % AsksPerDoubling == 0)
        {
            _width = Math.Min(_width * 2, _widthMax);
        }
    }

    private void AddToNext(int region)
    {
        _batchOf[region] = _next.Number;
        _image[region >> 3] |= (byte)(1 << (region & 7));
        _next.Sectors |= 1 << (region / BitsPerSector);
        _next.Regions.Add(region);
    }

    private Task JoinNext()
    {
        _next.NeedsSync = true;
        return Start();
    }

    private Task Start()
    {
        if (!_active)
        {
            _active = true;
            scheduler.Post(Run);
        }

        return _next.Done.Join();
    }

    private void Run()
    {
        Batch batch;
        lock (_lock)
        {
            batch = _running = _next;
            _next = new Batch(batch.Number + 1);
            _image.CopyTo(_snapshot, 0);
        }

        var failure = TryWrite(batch);
        bool more;
        lock (_lock)
        {
            _running = null;
            Conclude(batch, failure);
            more = _next.Sectors != 0 || _next.NeedsSync;
            _active = more;
        }

        if (more)
        {
            scheduler.Post(Run);
        }

        batch.Done.End(failure);
    }

    /// <summary>After a failure nothing is repeated here: a region that is entered again goes into a new batch, and superfluous intents only cost copying.</summary>
    private void Conclude(Batch batch, Exception? failure)
    {
        if (failure is null && batch.NeedsSync)
        {
            foreach (var region in batch.Regions)
            {
                regions.SetDurable(region);
            }
        }
    }

    private VolumeException? TryWrite(Batch batch)
    {
        if (health.Failure is { } failed)
        {
            heartbeat.GiveUp();
            return failed;
        }

        var lease = 0L;
        try
        {
            if (batch.NeedsSync)
            {
                lease = heartbeat.Write();
            }

            for (var left = batch.Sectors; left != 0; left &= left - 1)
            {
                var at = BitOperations.TrailingZeroCount(left) * TrackingFormat.SectorBytes;
                file.Write(TrackingFormat.OffsetOf(TrackingFormat.IntentPage) + at, _snapshot.AsSpan(at, TrackingFormat.SectorBytes));
            }
        }
        catch (FileLayerException e)
        {
            heartbeat.GiveUp();
            return Failures.ToVolume(e, "A write intent cannot be stored", "The guest's write was refused; check the device that holds the tracking file.");
        }

        if (!batch.NeedsSync)
        {
            return null;
        }

        var failure = health.TrySync();
        if (failure is null)
        {
            heartbeat.Confirm(lease);
        }
        else
        {
            heartbeat.GiveUp();
        }

        return failure;
    }

    private sealed class Batch(int number)
    {
        public int Number { get; } = number;

        public List<int> Regions { get; } = [];

        public int Sectors { get; set; }

        public bool NeedsSync { get; set; }

        public SharedEnd Done { get; } = new();
    }
}
