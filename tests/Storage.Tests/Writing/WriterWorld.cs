using ActorBackup.Core.Packs;
using ActorBackup.Storage.Index;
using ActorBackup.Storage.Packs;
using ActorBackup.Storage.Reading;
using ActorBackup.Storage.Tests.Support;
using ActorBackup.Storage.Writing;

namespace ActorBackup.Storage.Tests.Writing;

/// <summary>Writers of any number of processes over one store and one index.</summary>
internal sealed class WriterWorld : IDisposable
{
    private readonly List<RepositoryWriter> _writers = [];

    public WriterWorld(int indexMax = DigestIndex.DefaultMaxEntries)
    {
        Store = new FaultyObjectStore(Objects);
        Engine = new DigestIndex(indexMax);
        Index = new LocalDigestIndex(Engine);
    }

    public MemoryObjectStore Objects { get; } = new();

    public FaultyObjectStore Store { get; }

    public DigestIndex Engine { get; }

    public IDigestIndex Index { get; set; }

    public RepositoryWriter StartWriter(FaultyObjectStore? store = null)
    {
        var writer = new RepositoryWriter(store ?? Store, Index, new ImmediateClock());
        _writers.Add(writer);
        return writer;
    }

    public (BlockSession Session, RecordingObserver Heard) StartSession(RepositoryWriter writer)
    {
        var observer = new RecordingObserver(Objects);
        return (writer.StartSession(observer, new NodeCache(new BlockReader(Index, new PackReader(Store)))), observer);
    }

    public static BlockToStore Block(long number, byte[] plain) => new(number, BlockDigests.Of(plain), plain);

    public static BlockToStore Noise(long number, int seed, int length = 4096) => Block(number, Content.Noise(seed, length));

    public DigestStatus StatusOf(BlockToStore block) => Engine.Locate([block.Digest])[0].Pack is not null ? DigestStatus.Durable : Engine.LookUp("test", [block.Digest])[0].Status;

    public void Dispose() => _writers.ForEach(w => w.Dispose());
}
