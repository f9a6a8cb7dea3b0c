using ActorBackup.Actors.Index;
using ActorBackup.Core.Blocks;
using ActorBackup.Core.Identity;
using ActorBackup.Core.Packs;
using ActorBackup.Files;
using ActorBackup.Messages;
using ActorBackup.Messages.Catalog;
using ActorBackup.Messages.Index;
using ActorBackup.Storage.Index;
using ActorBackup.Storage.Objects;
using ActorBackup.Storage.Packs;
using ActorBackup.Storage.Repositories;
using Akka.Actor;
using Akka.TestKit;
using Akka.TestKit.Xunit2;

namespace ActorBackup.Actors.Tests.Index;

public sealed class IndexActorTests : TestKit, IAsyncLifetime
{
    private readonly string _directory = Directory.CreateTempSubdirectory("abk-index-").FullName;
    private readonly TestProbe _catalog;
    private readonly IActorRef _index;
    private string _repository = "";

    public IndexActorTests()
    {
        _catalog = CreateTestProbe();
        var catalog = _catalog.Ref;
        _index = Sys.ActorOf(Props.Create(() => new IndexActor("r~0", catalog)));
    }

    private string Url => $"file:{_directory}/repo";

    public async Task InitializeAsync() => _repository = await Repository.CreateAsync(LinuxFileLayer.Instance, Url, TimeProvider.System);

    public Task DisposeAsync()
    {
        Directory.Delete(_directory, recursive: true);
        return Task.CompletedTask;
    }

    [Fact]
    public void A_digest_is_new_once_then_pending_then_durable()
    {
        var digest = DigestOf(1);
        Ask(new IndexCommand.LookUp("w1", new[] { digest }) { Repository = "r", Partition = 0 });
        TellRepositories();
        Assert.Equal(new DigestAnswer(DigestStatus.New, null), LookedUp());

        Ask(new IndexCommand.LookUp("w2", new[] { digest }) { Repository = "r", Partition = 0 });
        Assert.Equal(new DigestAnswer(DigestStatus.Pending, "w1"), LookedUp());

        Ask(new IndexCommand.Record("p", new[] { new PackedBlock(digest, BlockCompression.None, 16, 10, 10) }) { Repository = "r", Partition = 0 });
        ExpectMsg<IndexReply.Done>();
        Ask(new IndexCommand.LookUp("w2", new[] { digest }) { Repository = "r", Partition = 0 });
        Assert.Equal(new DigestAnswer(DigestStatus.Durable, null), LookedUp());
        Ask(new IndexCommand.Locate(new[] { digest, DigestOf(2) }) { Repository = "r", Partition = 0 });
        var places = ExpectMsg<IndexReply.Located>().Places.ToArray();
        Assert.Equal("p", places[0].Pack);
        Assert.Null(places[1].Pack);
    }

    [Fact]
    public void What_a_writer_abandons_is_new_again()
    {
        Ask(new IndexCommand.LookUp("w1", new[] { DigestOf(1), DigestOf(2) }) { Repository = "r", Partition = 0 });
        TellRepositories();
        ExpectMsg<IndexReply.LookedUp>();
        Ask(new IndexCommand.Abandon("w2", ReadOnlyMemory<BlockDigest>.Empty) { Repository = "r", Partition = 0 });
        ExpectMsg<IndexReply.Done>();
        Ask(new IndexCommand.Abandon("w1", new[] { DigestOf(2) }) { Repository = "r", Partition = 0 });
        ExpectMsg<IndexReply.Done>();

        Ask(new IndexCommand.LookUp("w2", new[] { DigestOf(1), DigestOf(2) }) { Repository = "r", Partition = 0 });
        Assert.Equal([DigestStatus.Pending, DigestStatus.New], ExpectMsg<IndexReply.LookedUp>().Answers.ToArray().Select(a => a.Status));
    }

    [Fact]
    public async Task It_begins_with_its_part_of_what_the_packs_hold()
    {
        var mine = Enumerable.Range(0, 255).Select(i => DigestOf((byte)(i + 1))).ToArray();
        var builder = new PackBuilder(PackKind.Data);
        foreach (var digest in mine)
        {
            Assert.True(builder.TryAdd(digest, new byte[] { 1, 2, 3 }, BlockCompression.None, 3));
        }

        var pack = builder.Seal();
        using (var store = new FileObjectStore(LinuxFileLayer.Instance, $"{_directory}/repo", Url))
        {
            Assert.True(await store.PutIfAbsentAsync(pack.Key, pack.Bytes, CancellationToken.None));
        }

        Ask(new IndexCommand.Locate(mine) { Repository = "r", Partition = 0 });
        TellRepositories();
        var places = ExpectMsg<IndexReply.Located>().Places.ToArray();

        Assert.Equal(mine.Select(d => DigestPartition.Of(d, IndexActor.PartitionCount) == 0 ? pack.Key : null), places.Select(p => p.Pack));
        Assert.Contains(places, p => p.Pack is null);
    }

    [Fact]
    public void A_repository_that_cannot_be_read_refuses_and_is_asked_again()
    {
        Ask(new IndexCommand.Locate(new[] { DigestOf(1) }) { Repository = "r", Partition = 0 });
        _catalog.ExpectMsg<CatalogCommand.GetRepositories>();
        _catalog.Reply(new CatalogReply.Repositories([]));
        Assert.Equal(RefusalCode.UnknownRepository, ExpectMsg<IndexReply.Rejected>().Refusal.Code);

        AwaitAssert(() =>
        {
            Ask(new IndexCommand.Locate(new[] { DigestOf(1) }) { Repository = "r", Partition = 0 });
            TellRepositories();
            ExpectMsg<IndexReply.Located>();
        });
    }

    private static BlockDigest DigestOf(byte value) => new(Enumerable.Repeat(value, BlockDigest.SizeBytes).ToArray());

    private void Ask(IndexCommand command) => _index.Tell(command, TestActor);

    private DigestAnswer LookedUp() => Assert.Single(ExpectMsg<IndexReply.LookedUp>().Answers.ToArray());

    private void TellRepositories()
    {
        _catalog.ExpectMsg<CatalogCommand.GetRepositories>();
        _catalog.Reply(new CatalogReply.Repositories([new RegisteredRepository(new RepositoryName("main"), Url, "r", true)]));
        Assert.NotEmpty(_repository);
    }
}
