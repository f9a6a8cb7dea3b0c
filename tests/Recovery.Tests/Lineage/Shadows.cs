using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Identity;
using ActorBackup.Domain.Disks;
using ActorBackup.Recovery.Tests.Support;

namespace ActorBackup.Recovery.Tests.Lineage;

/// <summary>What each bitmap must claim at least: sectors that were written, and acknowledged, while it recorded and since nothing took them away.</summary>
internal sealed class Shadows
{
    private readonly Dictionary<ulong, HashSet<int>> _sets = [];
    private readonly Dictionary<JobId, HashSet<int>> _sinceInstant = [];

    public void Write(DiskState state, IEnumerable<ulong> recorders, int first, int count)
    {
        var sectors = Enumerable.Range(first, count).ToList();
        foreach (var set in recorders)
        {
            Of(set).UnionWith(sectors);
        }

        foreach (var job in state.UnfinishedJobs.Where(j => j.Spec.Bitmap is { } b && state.Bitmaps.TryGetValue(b, out var bitmap) && bitmap.Recording))
        {
            Since(job.Spec.Id).UnionWith(sectors);
        }
    }

    public void Start(JobId job) => _sinceInstant[job] = [];

    public void Clear(ulong set) => Of(set).Clear();

    /// <summary>Jobs that ended took from their bitmaps what was written before them.</summary>
    public void Follow(DiskState state)
    {
        foreach (var job in state.Jobs.Values.Where(j => j.Conclusion is not null && _sinceInstant.ContainsKey(j.Spec.Id)))
        {
            if (job.Conclusion!.Remainder != BitmapRemainder.SyncBitmap && job.Spec.Bitmap is not null)
            {
                _sets[job.Spec.BitmapSet] = Since(job.Spec.Id);
            }

            _sinceInstant.Remove(job.Spec.Id);
        }

        // What a kill cut short may have been done or not.
        foreach (var job in state.UnfinishedJobs)
        {
            Since(job.Spec.Id);
        }
    }

    public void Check(World world, Node node)
    {
        foreach (var bitmap in node.State.Bitmaps.Values)
        {
            var dirty = Checks.DirtySectors(world, node, bitmap);
            var lost = Of(bitmap.SetId).FirstOrDefault(s => !dirty[s], -1);
            Assert.True(lost < 0, $"bitmap {bitmap.Name} does not claim sector {lost}, which was written while it recorded");
        }
    }

    private HashSet<int> Of(ulong set) => _sets.TryGetValue(set, out var sectors) ? sectors : _sets[set] = [];

    private HashSet<int> Since(JobId job) => _sinceInstant.TryGetValue(job, out var sectors) ? sectors : _sinceInstant[job] = [];
}
