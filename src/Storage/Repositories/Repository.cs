using ActorBackup.Core.Blocks;
using ActorBackup.Files;
using ActorBackup.Storage.Index;
using ActorBackup.Storage.Objects;
using ActorBackup.Storage.Packs;
using ActorBackup.Storage.Points;
using ActorBackup.Storage.Reading;
using ActorBackup.Storage.Trees;
using ActorBackup.Storage.Writing;

namespace ActorBackup.Storage.Repositories;

/// <param name="Points">How many.</param>
/// <param name="StoredBytes">Of all objects.</param>
/// <param name="LogicalBytes">Sum of the sizes of all points' disks.</param>
public readonly record struct RepositoryMeasure(int Points, long StoredBytes, long LogicalBytes);

/// <summary>The data plane of one repository in one process.</summary>
public sealed class Repository : IAsyncDisposable
{
    private readonly NodeCache _nodes;

    private Repository(IObjectStore objects, RepositoryManifest manifest, IDigestIndex index, TimeProvider clock, RepositoryWriter writer)
    {
        Objects = objects;
        Id = manifest.Id;
        Points = new PointStore(objects, clock);
        Writer = writer;
        Packs = new PackReader(objects);
        Blocks = new BlockReader(index, Packs);
        _nodes = new NodeCache(Blocks);
    }

    public string Id { get; }

    public string Url => Objects.Url;

    public IObjectStore Objects { get; }

    public PointStore Points { get; }

    public RepositoryWriter Writer { get; }

    public PackReader Packs { get; }

    public BlockReader Blocks { get; }

    public INodeReader Nodes => _nodes;

    /// <returns>The new repository's id.</returns>
    /// <exception cref="StorageException">Says why not.</exception>
    public static async Task<string> CreateAsync(IFileLayer files, string url, TimeProvider clock) =>
        (await RepositoryManifest.CreateAsync(files, url, clock, CancellationToken.None).ConfigureAwait(false)).Id;

    /// <returns>The id of the repository that is there.</returns>
    /// <exception cref="StorageException">There is none, or it cannot be used.</exception>
    public static async Task<string> ProbeAsync(IFileLayer files, string url)
    {
        using var objects = RepositoryManifest.OpenStore(files, url);
        return (await RepositoryManifest.ReadAsync(objects, CancellationToken.None).ConfigureAwait(false)).Id;
    }

    /// <exception cref="StorageException">There is none, or it cannot be used.</exception>
    public static async Task<Repository> OpenAsync(IFileLayer files, string url, IDigestIndex index, TimeProvider clock, CancellationToken cancellation) =>
        await OpenAsync(RepositoryManifest.OpenStore(files, url), index, clock, cancellation).ConfigureAwait(false);

    /// <summary>Owns the store from now on, also when it fails.</summary>
    public static Task<Repository> OpenAsync(IObjectStore objects, IDigestIndex index, TimeProvider clock, CancellationToken cancellation) =>
        OpenAsync(objects, index, clock, new RepositoryWriter(objects, index, clock), cancellation);

    internal static async Task<Repository> OpenAsync(
        IObjectStore objects, IDigestIndex index, TimeProvider clock, RepositoryWriter writer, CancellationToken cancellation)
    {
        try
        {
            return new Repository(objects, await RepositoryManifest.ReadAsync(objects, cancellation).ConfigureAwait(false), index, clock, writer);
        }
        catch
        {
            objects.Dispose();
            throw;
        }
    }

    public async Task<RepositoryMeasure> MeasureAsync(CancellationToken cancellation)
    {
        var points = (await Points.ListAsync(cancellation).ConfigureAwait(false)).Points;
        var stored = 0L;
        await foreach (var entry in Objects.ListAsync("", cancellation).ConfigureAwait(false))
        {
            stored += entry.LengthBytes;
        }

        return new RepositoryMeasure(points.Count, stored, points.Sum(p => p.SizeBytes));
    }

    /// <summary>Byte ranges whose content differs, or of which one point lacks what the other has.</summary>
    /// <exception cref="StorageException">The points are of different shapes, or a tree is damaged.</exception>
    public async Task<IReadOnlyList<Extent>> DiffAsync(RecoveryPoint a, RecoveryPoint b, CancellationToken cancellation) =>
        [.. (await DifferenceAsync(a, b, cancellation).ConfigureAwait(false)).Extents()];

    /// <summary>The same as blocks, in one bit each.</summary>
    /// <exception cref="StorageException">The points are of different shapes, or a tree is damaged.</exception>
    public async Task<Core.Bitmaps.DirtyBitmap> DifferenceAsync(RecoveryPoint a, RecoveryPoint b, CancellationToken cancellation)
    {
        if (a.Geometry != b.Geometry)
        {
            throw new StorageException(
                StorageError.Invalid,
                $"points {a.Id} and {b.Id} cannot be compared: {a.SizeBytes} bytes in blocks of {a.BlockBytes}, and {b.SizeBytes} in blocks of {b.BlockBytes}");
        }

        var differs = new Core.Bitmaps.DirtyBitmap(a.Geometry);
        await foreach (var run in ImageTreeDiff.CompareAsync(new TreeShape(a.Geometry), a.Root, b.Root, Nodes, cancellation).ConfigureAwait(false))
        {
            differs.MarkRange(run.First, run.End);
        }

        MarkWhatOnlyOneLacks(differs, a, b);
        return differs;
    }

    /// <summary>Forgets what was read of trees, so that the next reads prove what is stored.</summary>
    public void ForgetNodes() => _nodes.Clear();

    public ValueTask DisposeAsync()
    {
        Writer.Dispose();
        Objects.Dispose();
        return ValueTask.CompletedTask;
    }

    private static void MarkWhatOnlyOneLacks(Core.Bitmaps.DirtyBitmap differs, RecoveryPoint a, RecoveryPoint b) =>
        differs.UnionWith(BitmapOf(a).DifferenceFrom(BitmapOf(b)));

    private static Core.Bitmaps.DirtyBitmap BitmapOf(RecoveryPoint point)
    {
        var lacked = new Core.Bitmaps.DirtyBitmap(point.Geometry);
        foreach (var run in point.Missing)
        {
            lacked.MarkRange(run.First, run.End);
        }

        return lacked;
    }
}
