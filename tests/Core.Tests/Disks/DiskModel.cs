using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Identity;
using ActorBackup.Core.Jobs;
using ActorBackup.Domain;
using ActorBackup.Domain.Disks;
using ActorBackup.Messages;
using ActorBackup.Messages.Disks;

namespace ActorBackup.Core.Tests.Disks;

/// <summary>A tiny disk with its tracking file and repository in memory, driven by the shipped deciders.</summary>
/// <remarks>
/// Content is a version number per block. A point is a version per block, null where it lacks the block. The sets are those that the tracking
/// file would hold, by set id; guest writes go where DESIGN says. After every step <see cref="Check"/> compares every bitmap with its base: T1.
/// </remarks>
internal sealed class DiskModel
{
    public const int Blocks = 6;

    private readonly int[] _content = new int[Blocks];
    private readonly Dictionary<ulong, HashSet<int>> _sets = [];
    private readonly Dictionary<PointId, Image> _points = [];
    private readonly Dictionary<string, Run> _runs = [];
    private readonly List<(string Manifest, byte[] Bytes)> _journal = [];
    private int _version;
    private int _jobs;

    private sealed record Image(int?[] Blocks, bool IsOverNothing);

    /// <summary>A job's three sets are its bitmap's two, and this copy set; Instant is the content at T0.</summary>
    private sealed record Run(int[] Instant, int?[] Copied, HashSet<int> CopyList, HashSet<int> Copy);

    public DiskModel() => Record(new DiskEvent.DiskAdded(Given.Online.Definition!, Given.Now));

    public DiskState State { get; private set; } = DiskState.Empty;

    public int SucceededJobs { get; private set; }

    public void Write(int block)
    {
        _content[block] = ++_version;
        foreach (var bitmap in State.Bitmaps.Values.Where(b => b.Recording))
        {
            _sets[RecorderOf(bitmap)].Add(block);
        }
    }

    public void Add(string name, bool recording)
    {
        var decision = BitmapDecider.Add(State, new DiskCommand.AddBitmap(name, null, recording, true) { Disk = Given.Disk });
        Assert.Equal(State.Bitmaps.ContainsKey(name), decision.Refusal?.Code == RefusalCode.Duplicate);
        Record(decision);
    }

    public void Remove(string name) =>
        Record(Expect(name, BitmapDecider.Remove(State, new DiskCommand.RemoveBitmap(name) { Disk = Given.Disk })));

    public void Clear(string name)
    {
        var decision = Expect(name, BitmapDecider.Clear(State, new DiskCommand.ClearBitmap(name) { Disk = Given.Disk }));
        Record(decision);
        if (decision.Refusal is null)
        {
            _sets[State.Bitmaps[name].SetId].Clear();
        }
    }

    public void SetRecording(string name, bool recording) =>
        Record(Expect(name, BitmapDecider.SetRecording(State, new DiskCommand.SetBitmapRecording(name, recording) { Disk = Given.Disk })));

    public void Merge(string target, string source)
    {
        var command = new DiskCommand.MergeBitmaps(target, [new BitmapAddress(Given.Disk, source)]) { Disk = Given.Disk };
        var decision = BitmapDecider.Merge(State, command, new Dictionary<BitmapAddress, Refusal?>());
        Record(decision);
        if (decision.Refusal is null)
        {
            _sets[State.Bitmaps[target].SetId].UnionWith(_sets[State.Bitmaps[source].SetId]);
        }
    }

    public void Backup(BackupOrder order)
    {
        var id = new JobId($"job-{++_jobs}");
        var look = BackupDecider.BaseToLookFor(State, order);
        var decision = BackupDecider.Start(State, Given.Disk, order, look is { } p && _points.ContainsKey(p), id, Given.Now);
        Assert.NotEqual(decision.Refusal is null, decision.Events.IsEmpty);
        Record(decision);
        if (decision.Refusal is not null)
        {
            return;
        }

        var spec = State.Jobs[id.Value].Spec;
        if (spec.Bitmap is not null)
        {
            _sets.Add(spec.SuccessorSet, []);
        }

        var copyList = spec.Sync == SyncMode.Bitmap ? _sets[spec.BitmapSet].ToHashSet() : [.. Enumerable.Range(0, Blocks)];
        _runs.Add(id.Value, new Run([.. _content], new int?[Blocks], copyList, [.. copyList]));
    }

    public void Retry(int which)
    {
        var ended = State.Jobs.Values.Where(j => j.Conclusion is { Outcome: not JobOutcome.Success }).ToArray();
        if (ended.Length > 0)
        {
            Backup(BackupDecider.Retry(ended[which % ended.Length], State));
        }
    }

    public void Copy(int which, int blocks)
    {
        if (Unfinished(which) is { } job)
        {
            var run = _runs[job.Spec.Id.Value];
            foreach (var block in run.Copy.Order().Take(blocks).ToArray())
            {
                run.Copied[block] = run.Instant[block];
                run.Copy.Remove(block);
            }
        }
    }

    public void ChangePolicy(int which, BitmapSyncPolicy policy)
    {
        if (Unfinished(which) is { } job && BackupArguments.Refusal(job.Spec.Sync, job.Spec.Bitmap is not null, policy) is null)
        {
            Record(new DiskEvent.JobPolicyChanged(job.Spec.Id, policy));
        }
    }

    /// <summary>A job whose copying is done may succeed; any job may fail, with or without a durable pair.</summary>
    public void Conclude(int which, JobOutcome outcome, bool isForced, bool hasPair)
    {
        if (Unfinished(which) is not { } job)
        {
            return;
        }

        var run = _runs[job.Spec.Id.Value];
        outcome = outcome == JobOutcome.Success && run.Copy.Count > 0 ? JobOutcome.Failed : outcome;
        var succeeded = outcome == JobOutcome.Success;
        PointId? point = succeeded || (hasPair && ConclusionDecider.KeepsPartialPoint(job, isForced)) ? new PointId(job.Spec.Id.Value) : null;
        var isComplete = false;
        if (point is { } id)
        {
            _points[id] = ImageOf(job.Spec, run);
            isComplete = _points[id].Blocks.All(b => b is not null);
            Assert.True(!succeeded || Matches(_points[id], run.Instant), $"the point of {id} is not the disk at its instant");
        }

        SucceededJobs += succeeded ? 1 : 0;
        var end = new JobEnd(outcome, isForced && !succeeded, point, isComplete, null, null, JobStatistics.Empty, []);
        Record(new DiskEvent.JobConcluded(job.Spec.Id, ConclusionDecider.Conclude(job, end), Given.Now));
    }

    public void Settle(int which)
    {
        var open = State.Jobs.Values.Where(j => j is { Conclusion: not null, IsSettled: false }).ToArray();
        if (open.Length == 0)
        {
            return;
        }

        var job = open[which % open.Length];
        if (job.Spec.Bitmap is { } bitmap)
        {
            _sets[job.Spec.BitmapSet] = DirtyOf(State.Bitmaps[bitmap]);
            _sets.Remove(job.Spec.SuccessorSet);
        }

        Record(new DiskEvent.JobSettled(job.Spec.Id));
    }

    public void LosePoint(int which)
    {
        if (_points.Count > 0)
        {
            _points.Remove(_points.Keys.ElementAt(which % _points.Count));
        }
    }

    /// <summary>T1: whatever differs from a bitmap's base is in the bitmap; so is what a failed job did not copy.</summary>
    public void Check()
    {
        foreach (var bitmap in State.Bitmaps.Values)
        {
            if (bitmap.Base.Point is not { } id || !_points.TryGetValue(id, out var point))
            {
                continue;
            }

            var dirty = DirtyOf(bitmap);
            for (var block = 0; block < Blocks; block++)
            {
                var owed = point.Blocks[block] is { } version ? version != _content[block] : !point.IsOverNothing;
                Assert.True(!owed || dirty.Contains(block), $"T1: block {block} differs from base {id} of bitmap '{bitmap.Name}' and is clean");
            }
        }
    }

    public DiskState Replay() =>
        _journal.Aggregate(DiskState.Empty, (state, e) => DiskTransitions.Apply(state, DiskEventCodec.Decode(e.Manifest, e.Bytes)));

    private HashSet<int> DirtyOf(BitmapState bitmap)
    {
        if (bitmap.BusyWith is not { } id)
        {
            return _sets[bitmap.SetId];
        }

        var job = State.Jobs[id.Value];
        var kept = job.Conclusion?.Remainder switch
        {
            BitmapRemainder.Nothing => [],
            BitmapRemainder.CopyBitmap => _runs[id.Value].Copy,
            _ => _sets[bitmap.SetId],
        };
        return [.. kept, .. _sets[job.Spec.SuccessorSet]];
    }

    private ulong RecorderOf(BitmapState bitmap) => bitmap.BusyWith is { } id ? State.Jobs[id.Value].Spec.SuccessorSet : bitmap.SetId;

    private Image ImageOf(BackupSpec spec, Run run)
    {
        var under = spec.Base is { } id ? _points.GetValueOrDefault(id) : null;
        var blocks = new int?[Blocks];
        for (var block = 0; block < Blocks; block++)
        {
            blocks[block] = run.CopyList.Contains(block) ? run.Copied[block] : under?.Blocks[block];
        }

        return new Image(blocks, spec.Sync == SyncMode.Bitmap && (under?.IsOverNothing ?? true));
    }

    private static bool Matches(Image point, int[] instant) =>
        Enumerable.Range(0, Blocks).All(b => point.Blocks[b] is { } version ? version == instant[b] : point.IsOverNothing);

    private JobState? Unfinished(int which)
    {
        var jobs = State.UnfinishedJobs.ToArray();
        return jobs.Length == 0 ? null : jobs[which % jobs.Length];
    }

    /// <summary>Unknown and busy are refused and nothing else is.</summary>
    private Decision<DiskEvent> Expect(string name, Decision<DiskEvent> decision)
    {
        RefusalCode? expected = !State.Bitmaps.TryGetValue(name, out var bitmap) ? RefusalCode.UnknownBitmap
            : bitmap.BusyWith is not null ? RefusalCode.Busy
            : null;
        Assert.Equal(expected, decision.Refusal?.Code);
        return decision;
    }

    private void Record(Decision<DiskEvent> decision)
    {
        foreach (var e in decision.Events)
        {
            Record(e);
        }
    }

    private void Record(DiskEvent e)
    {
        _journal.Add((DiskEventCodec.ManifestOf(e), DiskEventCodec.Encode(e)));
        if (e is DiskEvent.BitmapAdded added)
        {
            Assert.True(_sets.TryAdd(added.SetId, []), $"set {added.SetId} was given twice");
        }

        State = DiskTransitions.Apply(State, e);
    }
}
