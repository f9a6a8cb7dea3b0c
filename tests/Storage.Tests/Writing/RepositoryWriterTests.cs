using ActorBackup.Core.Packs;
using ActorBackup.Storage.Packs;
using ActorBackup.Storage.Tests.Support;
using ActorBackup.Storage.Writing;

namespace ActorBackup.Storage.Tests.Writing;

public sealed class RepositoryWriterTests : IDisposable
{
    private static readonly CancellationToken None = CancellationToken.None;

    private readonly WriterWorld _world = new();

    [Fact]
    public async Task After_a_flush_every_block_is_durable_and_was_said_to_be_once()
    {
        var (session, heard) = _world.StartSession(_world.StartWriter());
        for (var i = 0; i < 10; i++)
        {
            await session.StoreAsync(Enumerable.Range(i * 64, 64).Select(n => WriterWorld.Noise(n, n)).ToArray(), None);
        }

        await session.FlushAsync(None);

        Assert.Equal(Enumerable.Range(0, 640).Select(n => (long)n), heard.Blocks);
        Assert.Empty(heard.Lies);
    }

    [Fact]
    public async Task A_block_is_written_once_however_often_and_from_wherever_it_comes()
    {
        var writer = _world.StartWriter();
        var (a, heardByA) = _world.StartSession(writer);
        var (b, heardByB) = _world.StartSession(writer);

        var first = await a.StoreAsync(new[] { WriterWorld.Noise(1, 7), WriterWorld.Noise(2, 7) }, None);
        var second = await b.StoreAsync(new[] { WriterWorld.Noise(5, 7) }, None);
        await b.FlushAsync(None);
        var third = await a.StoreAsync(new[] { WriterWorld.Noise(3, 7) }, None);
        await a.FlushAsync(None);

        Assert.Equal(new StoreResult(4096, 4096), first);
        Assert.Equal(new StoreResult(0, 4096), second);
        Assert.Equal(new StoreResult(0, 4096), third);
        Assert.Equal([1L, 2, 3], heardByA.Blocks);
        Assert.Equal([5L], heardByB.Blocks);
        Assert.Single(_world.Objects.Packs);
    }

    [Fact]
    public async Task What_compresses_is_sent_compressed()
    {
        var (session, _) = _world.StartSession(_world.StartWriter());

        var text = await session.StoreAsync(new[] { WriterWorld.Block(1, Content.Text(1, 65536)) }, None);
        var noise = await session.StoreAsync(new[] { WriterWorld.Noise(2, 1, 65536) }, None);

        Assert.InRange(text.SentBytes, 1, 2000);
        Assert.Equal(65536, noise.SentBytes);
    }

    /// <summary>Rule 22: known is not durable.</summary>
    [Fact]
    public async Task Nobody_is_told_durable_while_the_pack_is_on_its_way()
    {
        var arrived = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _world.Store.BeforePut = _ =>
        {
            arrived.TrySetResult();
            return gate.Task;
        };
        var writer = _world.StartWriter();
        var (a, heardByA) = _world.StartSession(writer);
        var (b, heardByB) = _world.StartSession(writer);
        await a.StoreAsync(new[] { WriterWorld.Noise(1, 7) }, None);
        var flush = a.FlushAsync(None);
        await arrived.Task;

        await b.StoreAsync(new[] { WriterWorld.Noise(2, 7) }, None);
        var other = b.FlushAsync(None);
        Assert.False(flush.IsCompleted);
        Assert.False(other.IsCompleted);
        Assert.Empty(heardByA.Blocks);
        Assert.Empty(heardByB.Blocks);
        Assert.Equal(DigestStatus.Pending, _world.StatusOf(WriterWorld.Noise(1, 7)));

        gate.SetResult();
        await Task.WhenAll(flush, other);
        Assert.Equal([1L], heardByA.Blocks);
        Assert.Equal([2L], heardByB.Blocks);
        Assert.Empty(heardByA.Lies.Concat(heardByB.Lies));
        Assert.Single(_world.Store.Puts);
    }

    /// <summary>Rule 22: on pending, write it yourself.</summary>
    [Fact]
    public async Task What_is_pending_with_another_process_is_written_without_waiting_for_it()
    {
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var slow = new FaultyObjectStore(_world.Objects)
        {
            BeforePut = _ => gate.Task,
            PutFault = (_, _) => new StorageException(StorageError.NoSpace, "full"),
        };
        var (a, heardByA) = _world.StartSession(_world.StartWriter(slow));
        var (b, heardByB) = _world.StartSession(_world.StartWriter());
        await a.StoreAsync(new[] { WriterWorld.Noise(1, 7) }, None);
        var flush = a.FlushAsync(None);

        await b.StoreAsync(new[] { WriterWorld.Noise(2, 7) }, None);
        await b.FlushAsync(None);
        Assert.Equal([2L], heardByB.Blocks);

        gate.SetResult();
        Assert.Equal(StorageError.NoSpace, (await Assert.ThrowsAsync<StorageException>(() => flush)).Error);
        Assert.Empty(heardByA.Blocks);
        Assert.Empty(heardByB.Lies);
        Assert.Equal(DigestStatus.Durable, _world.StatusOf(WriterWorld.Noise(1, 7)));
    }

    [Fact]
    public async Task Sessions_at_once_hear_of_each_of_their_blocks_once()
    {
        var writer = _world.StartWriter();
        var sessions = Enumerable.Range(0, 6).Select(_ => _world.StartSession(writer)).ToArray();
        await Task.WhenAll(sessions.Select((s, number) => Task.Run(async () =>
        {
            var random = new Random(number);
            for (var i = 0; i < 30; i++)
            {
                var batch = Enumerable.Range(i * 20, 20).Select(n => WriterWorld.Noise(n, random.Next(200), 8192)).ToArray();
                await s.Session.StoreAsync(batch, None);
                if (i % 7 == number)
                {
                    await s.Session.FlushAsync(None);
                }
            }

            await s.Session.FlushAsync(None);
        })));

        Assert.All(sessions, s => Assert.Equal(Enumerable.Range(0, 600).Select(n => (long)n), s.Heard.Blocks));
        Assert.All(sessions, s => Assert.Empty(s.Heard.Lies));
        Assert.Equal(0, writer.PendingCount);
        Assert.Equal(200, _world.Engine.Count);
    }

    [Fact]
    public async Task A_node_can_be_read_before_and_after_it_is_durable()
    {
        var (session, heard) = _world.StartSession(_world.StartWriter());
        var node = Content.Noise(1, 1032);
        await session.Nodes.WriteNodeAsync(BlockDigests.Of(node), node, None);
        Assert.Equal(node, (await session.Nodes.ReadNodeAsync(BlockDigests.Of(node), None)).ToArray());
        Assert.Empty(_world.Objects.Packs);

        await session.FlushAsync(None);
        Assert.Equal(node, (await session.Nodes.ReadNodeAsync(BlockDigests.Of(node), None)).ToArray());
        Assert.StartsWith("packs/tree/", Assert.Single(_world.Objects.Packs), StringComparison.Ordinal);
        await session.Nodes.WriteNodeAsync(BlockDigests.Of(node), node, None);
        await session.FlushAsync(None);
        Assert.Single(_world.Store.Puts);
        Assert.Empty(heard.Blocks);
    }

    [Fact]
    public async Task A_session_that_was_disposed_hears_nothing_more()
    {
        var writer = _world.StartWriter();
        var (a, heardByA) = _world.StartSession(writer);
        var (b, _) = _world.StartSession(writer);
        await a.StoreAsync(new[] { WriterWorld.Noise(1, 7) }, None);
        await a.DisposeAsync();

        await b.StoreAsync(new[] { WriterWorld.Noise(2, 7) }, None);
        await b.FlushAsync(None);

        Assert.Empty(heardByA.Blocks);
    }

    /// <summary>Who waits for a pack must not outgrow it.</summary>
    [Fact]
    public async Task A_disk_that_is_one_block_over_and_over_is_heard_of_block_by_block()
    {
        const int Count = 70_016;
        var (session, heard) = _world.StartSession(_world.StartWriter());
        var block = WriterWorld.Noise(0, 1);
        for (var i = 0; i < Count; i += 64)
        {
            await session.StoreAsync(Enumerable.Range(i, 64).Select(n => block with { Block = n }).ToArray(), None);
        }

        Assert.Single(_world.Store.Puts);
        await session.FlushAsync(None);

        Assert.Equal(Count, heard.Blocks.Length);
        Assert.Single(_world.Objects.Packs);
    }

    [Fact]
    public async Task Storing_waits_while_too_many_packs_are_on_their_way_and_can_be_cancelled()
    {
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _world.Store.BeforePut = _ => gate.Task;
        var (session, heard) = _world.StartSession(_world.StartWriter());
        using var cancellation = new CancellationTokenSource();
        var stored = 0;
        ValueTask<StoreResult> storing;
        do
        {
            storing = session.StoreAsync(new[] { WriterWorld.Noise(stored, stored, PackBuilder.MaxBlockBytes) }, cancellation.Token);
            stored += storing.IsCompleted ? 1 : 0;
        }
        while (storing.IsCompleted && stored < 20);

        // Three of these fill a pack: one is on its way, one is full.
        Assert.Equal(6, stored);
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => storing.AsTask());
        Assert.Equal(DigestStatus.New, _world.StatusOf(WriterWorld.Noise(6, 6, PackBuilder.MaxBlockBytes)));
        Assert.Empty(heard.Blocks);
        gate.SetResult();
        await session.FlushAsync(None);
        Assert.Equal(6, heard.Blocks.Length);
        Assert.Empty(heard.Lies);
    }

    public void Dispose() => _world.Dispose();
}
