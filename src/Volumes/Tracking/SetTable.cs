using System.Collections.Immutable;
using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Identity;

namespace ActorBackup.Volumes.Tracking;

/// <summary>The sets and checkpoint roots of a disk, in memory. Changed by one command at a time; who only reads sees one version of the lists.</summary>
internal sealed class SetTable(DiskDefinition definition)
{
    private const int ReasonCharsMax = 256;

    private volatile ImmutableList<TrackedSet> _sets = [];
    private volatile ImmutableDictionary<JobId, byte[]> _roots = ImmutableDictionary<JobId, byte[]>.Empty;
    private long _version;
    private long _storedVersion;

    public DiskDefinition Definition { get; private set; } = definition;

    public IReadOnlyList<TrackedSet> All => _sets;

    public IReadOnlyDictionary<JobId, byte[]> Roots => _roots;

    /// <summary>Of the jobs that were suspended at the last closing, or will be at this one. Not to be stored but with the clean mark.</summary>
    public IReadOnlyList<SuspendedNote> Suspended { get; private set; } = [];

    public IEnumerable<TrackedSet> Stored => _sets.Where(s => !s.IsTransient);

    public IEnumerable<TrackedSet> Bitmaps => _sets.Where(s => s.Role == SetRole.Bitmap);

    /// <summary>Sets that the durable catalogue may list still, and whose pages are therefore not free.</summary>
    public List<TrackedSet> Dropped { get; } = [];

    /// <summary>Counts changes of what the catalogue says. A failed sync makes some on its own thread, also while a checkpoint is being written.</summary>
    public long Version => Interlocked.Read(ref _version);

    public bool NeedsCheckpoint => Version != Interlocked.Read(ref _storedVersion) || Stored.Any(s => s.PageDirty.AsSpan().Contains(true));

    public TrackedSet? Find(ulong id) => _sets.Find(s => s.Role != SetRole.Copy && s.Id == id);

    public TrackedSet? FindCopy(JobId job) => _sets.Find(s => s.Role == SetRole.Copy && s.Job == job);

    public TrackedSet? FindSuccessor(ulong bitmapId) => _sets.Find(s => s.Role == SetRole.Successor && s.ParentId == bitmapId);

    public IEnumerable<TrackedSet> FrozenBy(JobId job) => Bitmaps.Where(s => s.Job == job);

    public bool Knows(JobId job) => _roots.ContainsKey(job) || _sets.Exists(s => s.Job == job);

    public IReadOnlyList<JobId> Jobs() => [.. _sets.Select(s => s.Job).OfType<JobId>().Concat(_roots.Keys).Distinct().OrderBy(j => j.Value, StringComparer.Ordinal)];

    public void Add(TrackedSet set)
    {
        _sets = _sets.Add(set);
        MarkChanged();
    }

    public void Remove(TrackedSet set)
    {
        _sets = _sets.Remove(set);
        if (!set.IsTransient)
        {
            Dropped.Add(set);
        }

        MarkChanged();
    }

    public void SetRoot(JobId job, byte[] root)
    {
        _roots = _roots.SetItem(job, root);
        MarkChanged();
    }

    public void RemoveRoot(JobId job)
    {
        _roots = _roots.Remove(job);
        MarkChanged();
    }

    public void SetBacking(string backingPath)
    {
        Definition = Definition with { BackingPath = backingPath };
        MarkChanged();
    }

    /// <summary>The backing has its size.</summary>
    public void EndResizing()
    {
        Definition = Definition with { IsResizing = false };
        MarkChanged();
    }

    public void SetSuspended(IReadOnlyList<SuspendedNote> notes)
    {
        if (notes.Count > 0 || Suspended.Count > 0)
        {
            Suspended = notes;
            MarkChanged();
        }
    }

    public void MarkChanged() => Interlocked.Increment(ref _version);

    /// <summary>The durable catalogue says what the sets said at this version.</summary>
    public void MarkStored(long version) => Interlocked.Exchange(ref _storedVersion, version);

    /// <summary>The first reason stays: it says what happened.</summary>
    public void MarkInconsistent(TrackedSet set, string reason)
    {
        set.InconsistentReason ??= reason.Length <= ReasonCharsMax ? reason : reason[..ReasonCharsMax];
        MarkChanged();
    }

    public void MarkAllInconsistent(string reason)
    {
        foreach (var bitmap in Bitmaps)
        {
            MarkInconsistent(bitmap, reason);
        }
    }

    /// <summary>Where guest writes set bits. Their union with the intents is what rule 1 protects.</summary>
    public DirtyBitmap[] Recorders() => [.. _sets.Where(s => s.IsRecording).Select(s => s.Bits)];

    /// <param name="pagesOf">Where the pages of a set will lie once the catalogue is durable.</param>
    public Catalogue ToCatalogue(Func<TrackedSet, StoredPage[]> pagesOf) =>
        new(Definition, [.. Stored.Select(s => Describe(s, pagesOf(s)))], [.. _roots.Select(r => new CheckpointRoot(r.Key, r.Value)).OrderBy(r => r.Job.Value, StringComparer.Ordinal)])
        {
            Suspended = Suspended,
        };

    private static CatalogueSet Describe(TrackedSet set, StoredPage[] pages) =>
        new()
        {
            Id = set.Id,
            Role = set.Role,
            IsRecording = set.IsRecording,
            GranularityBytes = set.Bits.Geometry.BlockBytes,
            ParentId = set.ParentId,
            Job = set.Job,
            InconsistentReason = set.InconsistentReason,
            Pages = pages,
        };
}
