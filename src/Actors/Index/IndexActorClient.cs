using ActorBackup.Core.Blocks;
using ActorBackup.Core.Packs;
using ActorBackup.Messages;
using ActorBackup.Messages.Index;
using ActorBackup.Storage;
using ActorBackup.Storage.Index;
using Akka.Actor;

namespace ActorBackup.Actors.Index;

/// <summary>A repository's index as its data plane sees it: splits batches by partition and asks the index actors.</summary>
public sealed class IndexActorClient(string repository, IActorRef region) : IDigestIndex
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    public async ValueTask<DigestAnswer[]> LookUpAsync(string writer, ReadOnlyMemory<BlockDigest> digests, CancellationToken cancellation)
    {
        var answers = new DigestAnswer[digests.Length];
        await SplitAsync<IndexReply.LookedUp>(
            digests,
            (partition, part) => new IndexCommand.LookUp(writer, part) { Repository = repository, Partition = partition },
            (reply, from, to) => answers[to] = reply.Answers.Span[from],
            cancellation).ConfigureAwait(false);
        return answers;
    }

    public async ValueTask<BlockPlace[]> LocateAsync(ReadOnlyMemory<BlockDigest> digests, CancellationToken cancellation)
    {
        var places = new BlockPlace[digests.Length];
        await SplitAsync<IndexReply.Located>(
            digests,
            (partition, part) => new IndexCommand.Locate(part) { Repository = repository, Partition = partition },
            (reply, from, to) => places[to] = reply.Places.Span[from],
            cancellation).ConfigureAwait(false);
        return places;
    }

    public async ValueTask RecordAsync(string pack, ReadOnlyMemory<PackedBlock> blocks, CancellationToken cancellation)
    {
        var parts = blocks.ToArray().GroupBy(b => DigestPartition.Of(b.Digest, IndexActor.PartitionCount));
        await Task.WhenAll(parts.Select(p => AskAsync<IndexReply.Done>(
            new IndexCommand.Record(pack, p.ToArray()) { Repository = repository, Partition = p.Key }, cancellation))).ConfigureAwait(false);
    }

    public async ValueTask AbandonAsync(string writer, ReadOnlyMemory<BlockDigest> digests, CancellationToken cancellation)
    {
        var parts = digests.IsEmpty
            ? Enumerable.Range(0, IndexActor.PartitionCount).Select(p => (Partition: p, Digests: Array.Empty<BlockDigest>()))
            : digests.ToArray().GroupBy(d => DigestPartition.Of(d, IndexActor.PartitionCount)).Select(g => (Partition: g.Key, Digests: g.ToArray()));
        await Task.WhenAll(parts.Select(p => AskAsync<IndexReply.Done>(
            new IndexCommand.Abandon(writer, p.Digests) { Repository = repository, Partition = p.Partition }, cancellation))).ConfigureAwait(false);
    }

    /// <summary>Every partition reads the packs' footers again.</summary>
    public Task ReloadAsync() =>
        Task.WhenAll(Enumerable.Range(0, IndexActor.PartitionCount).Select(p =>
            AskAsync<IndexReply.Done>(new IndexCommand.Reload { Repository = repository, Partition = p }, CancellationToken.None)));

    private async Task SplitAsync<TReply>(
        ReadOnlyMemory<BlockDigest> digests,
        Func<int, ReadOnlyMemory<BlockDigest>, IndexCommand> command,
        Action<TReply, int, int> place,
        CancellationToken cancellation)
        where TReply : IndexReply
    {
        var order = new List<int>[IndexActor.PartitionCount];
        for (var i = 0; i < digests.Length; i++)
        {
            (order[DigestPartition.Of(digests.Span[i], IndexActor.PartitionCount)] ??= []).Add(i);
        }

        await Task.WhenAll(order.Select(async (indices, partition) =>
        {
            if (indices is null)
            {
                return;
            }

            var part = new BlockDigest[indices.Count];
            for (var i = 0; i < part.Length; i++)
            {
                part[i] = digests.Span[indices[i]];
            }

            var reply = await AskAsync<TReply>(command(partition, part), cancellation).ConfigureAwait(false);
            for (var i = 0; i < part.Length; i++)
            {
                place(reply, i, indices[i]);
            }
        })).ConfigureAwait(false);
    }

    private async Task<TReply> AskAsync<TReply>(IndexCommand command, CancellationToken cancellation)
        where TReply : IndexReply
    {
        IndexReply reply;
        try
        {
            reply = await region.Ask<IndexReply>(command, Patience, cancellation).ConfigureAwait(false);
        }
        catch (AskTimeoutException e)
        {
            throw new StorageException(StorageError.InputOutput, "The repository's index did not answer in time; try again.", e);
        }

        return reply switch
        {
            TReply expected => expected,
            IndexReply.Rejected rejected => throw new StorageException(ErrorOf(rejected.Refusal.Code), rejected.Refusal.Message),
            _ => throw new InvalidOperationException($"Unexpected answer {reply.GetType().Name}."),
        };
    }

    private static StorageError ErrorOf(RefusalCode code) =>
        code switch
        {
            RefusalCode.IndexFull => StorageError.IndexFull,
            RefusalCode.MissingFile or RefusalCode.UnknownRepository => StorageError.Missing,
            RefusalCode.NotARepository => StorageError.NotARepository,
            RefusalCode.PermissionDenied => StorageError.PermissionDenied,
            RefusalCode.NewerVersion => StorageError.UnknownVersion,
            RefusalCode.Damaged => StorageError.Damaged,
            _ => StorageError.InputOutput,
        };
}
