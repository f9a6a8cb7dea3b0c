using ActorBackup.Core.Blocks;
using ActorBackup.Core.Identity;
using ActorBackup.Storage.Index;
using ActorBackup.Storage.Packs;
using ActorBackup.Storage.Points;
using ActorBackup.Storage.Repositories;
using ActorBackup.Storage.Trees;
using ActorBackup.Storage.Writing;

namespace ActorBackup.Storage.Tests.Support;

/// <summary>A repository in memory, and backups into it as a job makes them.</summary>
internal sealed class TestRepository : IAsyncDisposable
{
    public const int BlockBytes = 4096;

    private int _points;

    private TestRepository(MemoryObjectStore objects)
    {
        Objects = objects;
        Store = new FaultyObjectStore(objects);
    }

    public MemoryObjectStore Objects { get; }

    public FaultyObjectStore Store { get; }

    public DigestIndex Index { get; private set; } = new();

    public Repository Data { get; private set; } = null!;

    public static async Task<TestRepository> CreateAsync()
    {
        var objects = new MemoryObjectStore();
        await objects.PutIfAbsentAsync(RepositoryManifest.Key, new RepositoryManifest(IdOf(0), ImmediateClock.Now).Encode(), CancellationToken.None);
        var repository = new TestRepository(objects);
        await repository.ReopenAsync();
        return repository;
    }

    public static string IdOf(int number)
    {
        var entropy = new byte[10];
        BitConverter.GetBytes(number).CopyTo(entropy, 0);
        return SortableId.Create(ImmediateClock.Now.AddSeconds(number), entropy);
    }

    /// <summary>As after a start of the node: nothing is known but what the packs say. Returns why packs were left out.</summary>
    public async Task<IReadOnlyList<string>> ReopenAsync()
    {
        Index = new DigestIndex();
        var left = await IndexLoader.LoadAsync(Store, f => Index.Record(f.Key, f.Blocks), CancellationToken.None);
        Data = await Repository.OpenAsync(Store, new LocalDigestIndex(Index), new ImmediateClock(), CancellationToken.None);
        return left;
    }

    /// <summary>A point of the image; of what the base has already only what differs from its image is copied.</summary>
    public async Task<RecoveryPoint> BackUpAsync(byte[] image, RecoveryPoint? basePoint = null, byte[]? baseImage = null, IReadOnlyList<BlockRun>? missing = null)
    {
        var shape = new TreeShape(new BlockGeometry(image.Length, BlockBytes));
        await using var session = Data.Writer.StartSession(new RecordingObserver(Objects), Data.Nodes);
        var changes = new List<BlockChange>();
        for (var block = 0L; block < shape.BlockCount; block++)
        {
            var plain = BlockOf(image, block);
            if (baseImage is not null && plain.AsSpan().SequenceEqual(BlockOf(baseImage, block)))
            {
                continue;
            }

            var digest = plain.AsSpan().IndexOfAnyExcept((byte)0) < 0 ? default : BlockDigests.Of(plain);
            changes.Add(new BlockChange(block, 1, digest));
            if (!digest.IsNone)
            {
                await session.StoreAsync(new[] { new BlockToStore(block, digest, plain) }, CancellationToken.None);
            }
        }

        await session.FlushAsync(CancellationToken.None);
        var root = await ImageTreeUpdater.ApplyAsync(shape, basePoint?.Root ?? default, changes, session.Nodes, CancellationToken.None);
        await session.FlushAsync(CancellationToken.None);
        var point = PointOf(++_points, image.Length, root, missing ?? []);
        Assert.Equal(PublishOutcome.Published, await Data.Points.PublishAsync(point, CancellationToken.None));
        return point;
    }

    public static RecoveryPoint PointOf(int number, long sizeBytes, BlockDigest root, IReadOnlyList<BlockRun> missing) =>
        new()
        {
            Id = new PointId(IdOf(number)),
            Disk = new DiskId("d"),
            Job = new JobId(IdOf(number)),
            CreatedAt = ImmediateClock.Now,
            SizeBytes = sizeBytes,
            BlockBytes = BlockBytes,
            Root = root,
            Missing = missing,
        };

    /// <summary>Padded with zeroes at the image's end.</summary>
    public static byte[] BlockOf(byte[] image, long block)
    {
        var plain = new byte[BlockBytes];
        image.AsSpan((int)(block * BlockBytes), (int)Math.Min(BlockBytes, image.Length - (block * BlockBytes))).CopyTo(plain);
        return plain;
    }

    public static BlockDigest DigestOf(byte[] image, long block) => BlockDigests.Of(BlockOf(image, block));

    /// <summary>The pack that the index names for the digest.</summary>
    public string PackOf(BlockDigest digest) => Index.Locate([digest])[0].Pack!;

    public ValueTask DisposeAsync() => Data.DisposeAsync();
}
