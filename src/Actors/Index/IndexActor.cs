using ActorBackup.Actors.Storage;
using ActorBackup.Core.Packs;
using ActorBackup.Messages;
using ActorBackup.Messages.Catalog;
using ActorBackup.Messages.Index;
using ActorBackup.Storage.Index;
using ActorBackup.Storage.Packs;
using ActorBackup.Storage.Repositories;
using Akka.Actor;

namespace ActorBackup.Actors.Index;

/// <summary>Sole owner of one partition of a repository's digests. Its memory is the packs' footers: they are read when it starts.</summary>
public sealed class IndexActor : ReceiveActor, IWithUnboundedStash
{
    /// <summary>Parts of the digest space. Nothing durable depends on it.</summary>
    public const int PartitionCount = 4;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly string _repository;
    private readonly int _partition;
    private readonly IActorRef _catalog;
    private DigestIndex _index = new();

    public IndexActor(string entityId, IActorRef catalog)
    {
        var split = entityId.LastIndexOf('~');
        _repository = entityId[..split];
        _partition = int.Parse(entityId[(split + 1)..], System.Globalization.CultureInfo.InvariantCulture);
        _catalog = catalog;
        Waiting();
    }

    public IStash Stash { get; set; } = null!;

    public static string EntityIdOf(string repository, int partition) =>
        string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{repository}~{partition}");

    /// <summary>Loads when somebody asks; after a failed load the next question tries again.</summary>
    private void Waiting() =>
        Receive<IndexCommand>(c =>
        {
            Stash.Stash();
            StartLoading();
        });

    private void StartLoading()
    {
        LoadAsync().PipeTo(Self, failure: e => new LoadFailed(Failures.Explain(e)));
        Become(Loading);
    }

    private void Loading()
    {
        Receive<Loaded>(m =>
        {
            _index = m.Index;
            Become(Ready);
            Stash.UnstashAll();
        });
        Receive<LoadFailed>(m =>
        {
            Become(() => Refusing(m.Refusal));
            Stash.UnstashAll();
            Self.Tell(new Again(), ActorRefs.NoSender);
        });
        ReceiveAny(_ => Stash.Stash());
    }

    private void Refusing(Refusal refusal)
    {
        Receive<IndexCommand>(_ => Sender.Tell(new IndexReply.Rejected(refusal), Self));
        Receive<Again>(_ => Become(Waiting));
    }

    private void Ready()
    {
        Receive<IndexCommand.LookUp>(c => Answer(() => new IndexReply.LookedUp(_index.LookUp(c.Writer, c.Digests.Span))));
        Receive<IndexCommand.Locate>(c => Answer(() => new IndexReply.Located(_index.Locate(c.Digests.Span))));
        Receive<IndexCommand.Record>(c => Answer(() =>
        {
            _index.Record(c.Pack, c.Blocks.Span);
            return new IndexReply.Done();
        }));
        Receive<IndexCommand.Abandon>(c => Answer(() =>
        {
            _index.Abandon(c.Writer, c.Digests.Span);
            return new IndexReply.Done();
        }));
        Receive<IndexCommand.Reload>(_ =>
        {
            // Who asked is answered when the new index is there: the stashed copy finds it ready.
            var asker = Sender;
            LoadAsync().PipeTo(Self, failure: e => new LoadFailed(Failures.Explain(e)));
            Become(() => Reloading(asker));
        });
    }

    /// <summary>Answers wait, so that nothing is recorded into the index that is about to be replaced.</summary>
    private void Reloading(IActorRef asker)
    {
        Receive<Loaded>(m =>
        {
            m.Index.AdoptPending(_index);
            _index = m.Index;
            asker.Tell(new IndexReply.Done(), Self);
            Become(Ready);
            Stash.UnstashAll();
        });
        Receive<LoadFailed>(m =>
        {
            asker.Tell(new IndexReply.Rejected(m.Refusal), Self);
            Become(Ready);
            Stash.UnstashAll();
        });
        ReceiveAny(_ => Stash.Stash());
    }

    private void Answer(Func<IndexReply> answer)
    {
        try
        {
            Sender.Tell(answer(), Self);
        }
        catch (ActorBackup.Storage.StorageException e)
        {
            Sender.Tell(new IndexReply.Rejected(Failures.Explain(e)), Self);
        }
    }

    private async Task<Loaded> LoadAsync()
    {
        var known = (CatalogReply.Repositories)await _catalog.Ask<CatalogReply>(new CatalogCommand.GetRepositories(), Patience).ConfigureAwait(false);
        var repository = known.Registered.FirstOrDefault(r => r.RepositoryId == _repository)
            ?? throw new RefusedException(new Refusal(RefusalCode.UnknownRepository, $"repository {_repository} is not attached"));
        using var objects = RepositoryFactory.OpenObjects(repository.Url);
        var index = new DigestIndex();
        var mine = new List<PackedBlock>();
        await IndexLoader.LoadAsync(objects, footer => Take(index, footer, mine), CancellationToken.None).ConfigureAwait(false);
        return new Loaded(index);
    }

    private void Take(DigestIndex index, PackFooter footer, List<PackedBlock> mine)
    {
        lock (mine)
        {
            mine.Clear();
            mine.AddRange(footer.Blocks.Where(b => DigestPartition.Of(b.Digest, PartitionCount) == _partition));
            index.Record(footer.Key, System.Runtime.InteropServices.CollectionsMarshal.AsSpan(mine));
        }
    }

    private sealed record Loaded(DigestIndex Index);

    private sealed record LoadFailed(Refusal Refusal);

    private sealed record Again;
}
