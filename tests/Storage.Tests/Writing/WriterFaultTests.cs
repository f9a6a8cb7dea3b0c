using ActorBackup.Core.Blocks;
using ActorBackup.Core.Packs;
using ActorBackup.Storage.Index;
using ActorBackup.Storage.Packs;
using ActorBackup.Storage.Tests.Support;
using CsCheck;

namespace ActorBackup.Storage.Tests.Writing;

/// <summary>Rule 22 under a store or an index that fails: what is called durable is, and who waits hears of the failure.</summary>
public sealed class WriterFaultTests : IDisposable
{
    private static readonly CancellationToken None = CancellationToken.None;

    private readonly WriterWorld _world = new();

    [Theory]
    [InlineData(StorageError.NoSpace, 1)]
    [InlineData(StorageError.PermissionDenied, 1)]
    [InlineData(StorageError.Missing, 1)]
    [InlineData(StorageError.InputOutput, 3)]
    public async Task A_store_that_fails_ends_the_session_with_its_error_and_nothing_is_durable(StorageError error, int tries)
    {
        _world.Store.PutFault = (_, _) => new StorageException(error, "injected");
        var writer = _world.StartWriter();
        var (session, heard) = _world.StartSession(writer);
        await session.StoreAsync(new[] { WriterWorld.Noise(1, 7), WriterWorld.Noise(2, 8) }, None);

        Assert.Equal(error, (await Assert.ThrowsAsync<StorageException>(() => session.FlushAsync(None))).Error);

        Assert.Equal(tries, _world.Store.Puts.Count);
        Assert.Equal(error, (await Assert.ThrowsAsync<StorageException>(() => session.StoreAsync(new[] { WriterWorld.Noise(3, 9) }, None).AsTask())).Error);
        Assert.Equal(error, (await Assert.ThrowsAsync<StorageException>(() => session.FlushAsync(None))).Error);
        Assert.Equal(error, (await Assert.ThrowsAsync<StorageException>(() => session.WriteNodeAsync(Content.Digest(1), new byte[40], None).AsTask())).Error);
        Assert.Empty(heard.Blocks);
        Assert.Equal(0, writer.PendingCount);
        Assert.Equal(DigestStatus.New, _world.StatusOf(WriterWorld.Noise(1, 7)));
    }

    [Fact]
    public async Task All_sessions_that_wait_for_a_failed_pack_hear_of_it_and_their_next_sessions_write_its_blocks()
    {
        _world.Store.PutFault = (n, _) => n == 1 ? new StorageException(StorageError.NoSpace, "full") : null;
        var writer = _world.StartWriter();
        var (a, heardByA) = _world.StartSession(writer);
        var (b, heardByB) = _world.StartSession(writer);
        var (c, heardByC) = _world.StartSession(writer);
        await a.StoreAsync(new[] { WriterWorld.Noise(1, 7) }, None);
        await b.StoreAsync(new[] { WriterWorld.Noise(2, 7) }, None);

        await Assert.ThrowsAsync<StorageException>(() => a.FlushAsync(None));
        await Assert.ThrowsAsync<StorageException>(() => b.FlushAsync(None));
        Assert.NotNull(b.Fault);
        Assert.Null(c.Fault);

        await c.StoreAsync(new[] { WriterWorld.Noise(3, 7) }, None);
        await c.FlushAsync(None);
        Assert.Empty(heardByA.Blocks.Concat(heardByB.Blocks));
        Assert.Equal([3L], heardByC.Blocks);
        Assert.Empty(heardByC.Lies);
    }

    [Fact]
    public async Task A_put_that_fails_for_a_moment_is_tried_again()
    {
        _world.Store.PutFault = (n, _) => n <= 2 ? new StorageException(StorageError.InputOutput, "hiccup") : null;
        var (session, heard) = _world.StartSession(_world.StartWriter());
        await session.StoreAsync(new[] { WriterWorld.Noise(1, 7) }, None);

        await session.FlushAsync(None);

        Assert.Equal([1L], heard.Blocks);
        Assert.Empty(heard.Lies);
    }

    [Fact]
    public async Task A_put_of_which_the_answer_was_lost_is_found_stored_by_the_next_try()
    {
        _world.Store.FaultAfterPut = (n, _) => n == 1 ? new StorageException(StorageError.InputOutput, "lost the answer") : null;
        var (session, heard) = _world.StartSession(_world.StartWriter());
        await session.StoreAsync(new[] { WriterWorld.Noise(1, 7) }, None);

        await session.FlushAsync(None);

        Assert.Equal([1L], heard.Blocks);
        Assert.Empty(heard.Lies);
        Assert.Single(_world.Objects.Packs);
    }

    /// <summary>The index does not know a damaged pack, so its blocks come again, perhaps as just the same pack: under its name lies the damage.</summary>
    [Theory]
    [InlineData("flipped")]
    [InlineData("truncated")]
    [InlineData("longer")]
    [InlineData("unreadable")]
    public async Task A_damaged_object_under_the_name_of_the_pack_does_not_pass_for_it(string damage)
    {
        var key = await KeyOfPackAsync();
        var good = _world.Objects.Objects[key];
        _world.Objects.Objects[key] = damage switch
        {
            "flipped" => Damage.FlipBit(good, 20 * 8),
            "truncated" => good[..100],
            "longer" => [.. good, 0],
            _ => good,
        };
        _world.Store.ReadFault = k => k == key && damage == "unreadable" ? new StorageException(StorageError.InputOutput, "bad sector") : null;
        var before = _world.Objects.Objects[key];
        using var world = new WriterWorld();
        var (session, heard) = _world.StartSession(new Storage.Writing.RepositoryWriter(_world.Store, world.Index, new ImmediateClock()));

        await session.StoreAsync(new[] { WriterWorld.Noise(1, 7) }, None);
        await session.FlushAsync(None);

        Assert.Equal([1L], heard.Blocks);
        Assert.Empty(heard.Lies);
        Assert.Equal(before, _world.Objects.Objects[key]);
        var place = world.Engine.Locate([WriterWorld.Noise(1, 7).Digest])[0];
        Assert.NotEqual(key, place.Pack);
        await new PackReader(_world.Objects).ReadBlockAsync(place.Pack!, place.Block, new byte[4096], None);
    }

    [Fact]
    public async Task A_store_that_keeps_nothing_whole_ends_in_an_error()
    {
        _world.Store.FaultAfterPut = (_, key) =>
        {
            _world.Objects.Flip(key, 200);
            return new StorageException(StorageError.InputOutput, "injected");
        };
        var (session, heard) = _world.StartSession(_world.StartWriter());
        await session.StoreAsync(new[] { WriterWorld.Noise(1, 7) }, None);

        // Each retry finds a damaged object where its pack is to lie.
        _world.Store.ReadFault = _ => new StorageException(StorageError.Damaged, "injected");
        await Assert.ThrowsAsync<StorageException>(() => session.FlushAsync(None));

        Assert.Empty(heard.Blocks);
        Assert.InRange(_world.Store.Puts.Count, 1, 30);
    }

    [Fact]
    public async Task An_index_that_does_not_take_a_pack_fails_its_sessions_although_the_pack_is_stored()
    {
        var index = new FaultyIndex(_world.Index) { RecordFault = new StorageException(StorageError.InputOutput, "injected") };
        _world.Index = index;
        var writer = _world.StartWriter();
        var (session, heard) = _world.StartSession(writer);
        await session.StoreAsync(new[] { WriterWorld.Noise(1, 7) }, None);
        Assert.Equal(StorageError.InputOutput, (await Assert.ThrowsAsync<StorageException>(() => session.FlushAsync(None))).Error);
        Assert.Empty(heard.Blocks);

        index.RecordFault = null;
        var (next, heardNext) = _world.StartSession(writer);
        await next.StoreAsync(new[] { WriterWorld.Noise(1, 7) }, None);
        await next.FlushAsync(None);
        Assert.Equal([1L], heardNext.Blocks);
        Assert.Single(_world.Objects.Packs);
    }

    [Fact]
    public async Task An_index_that_cannot_be_asked_fails_the_store_and_not_the_session()
    {
        var index = new FaultyIndex(_world.Index) { LookUpFault = new StorageException(StorageError.InputOutput, "injected") };
        _world.Index = index;
        var (session, heard) = _world.StartSession(_world.StartWriter());
        await Assert.ThrowsAsync<StorageException>(() => session.StoreAsync(new[] { WriterWorld.Noise(1, 7) }, None).AsTask());

        index.LookUpFault = null;
        await session.StoreAsync(new[] { WriterWorld.Noise(1, 7) }, None);
        await session.FlushAsync(None);
        Assert.Equal([1L], heard.Blocks);
    }

    [Fact]
    public async Task A_full_index_refuses_new_blocks_and_still_knows_the_old_ones()
    {
        using var world = new WriterWorld(indexMax: 10);
        var (session, heard) = world.StartSession(world.StartWriter());
        await session.StoreAsync(Enumerable.Range(0, 10).Select(n => WriterWorld.Noise(n, n)).ToArray(), None);
        await session.FlushAsync(None);

        var e = await Assert.ThrowsAsync<StorageException>(() => session.StoreAsync(new[] { WriterWorld.Noise(10, 10) }, None).AsTask());
        Assert.Equal(StorageError.IndexFull, e.Error);
        await session.StoreAsync(new[] { WriterWorld.Noise(11, 3) }, None);
        await session.FlushAsync(None);
        Assert.Equal([.. Enumerable.Range(0, 10).Select(n => (long)n), 11L], heard.Blocks);
    }

    private sealed record Step(bool IsFlush, int Session, int[] Contents);

    private static readonly Gen<Step> Steps = Gen.Select(
        Gen.Int[0, 3].Select(k => k == 0), Gen.Int[0, 2], Gen.Int[0, 30].Array[1, 8], (isFlush, session, contents) => new Step(isFlush, session, contents));

    /// <summary>Whatever fails when: who was told durable was told the truth, a flush that succeeds leaves nothing out, and nobody waits for ever.</summary>
    [Fact]
    public async Task Under_any_faults_durable_means_stored() =>
        await Gen.Select(Steps.List[1, 40], Gen.Int[0, 9].Array[20]).SampleAsync(
            async (steps, faults) =>
            {
                using var world = new WriterWorld();
                world.Store.PutFault = (n, _) => Fault(faults[n % 20]);
                world.Store.FaultAfterPut = (n, _) => faults[n % 20] == 2 ? new StorageException(StorageError.InputOutput, "lost the answer") : null;
                var writer = world.StartWriter();
                var sessions = Enumerable.Range(0, 3).Select(_ => world.StartSession(writer)).ToArray();
                var stored = new[] { new List<long>(), new List<long>(), new List<long>() };
                var number = 0L;
                foreach (var step in steps)
                {
                    var (session, heard) = sessions[step.Session];
                    try
                    {
                        if (step.IsFlush)
                        {
                            await session.FlushAsync(None);
                            Assert.Equal(stored[step.Session], heard.Blocks);
                        }
                        else
                        {
                            var batch = step.Contents.Select(c => WriterWorld.Noise(number++, c, 512)).ToArray();
                            await session.StoreAsync(batch, None);
                            stored[step.Session].AddRange(batch.Select(b => b.Block));
                        }
                    }
                    catch (StorageException)
                    {
                        Assert.NotNull(session.Fault);
                        sessions[step.Session] = world.StartSession(writer);
                        stored[step.Session].Clear();
                    }

                    Assert.All(sessions, s => Assert.Empty(s.Heard.Lies));
                }

                Assert.All(
                    Enumerable.Range(0, 31).Select(c => WriterWorld.Noise(0, c, 512)).Where(b => world.StatusOf(b) == DigestStatus.Durable),
                    b => Assert.True(RecordingObserver.IsStored(world.Objects, b.Digest)));
            },
            iter: 100);

    public void Dispose() => _world.Dispose();

    private static StorageException? Fault(int kind) =>
        kind switch
        {
            0 => new StorageException(StorageError.NoSpace, "full"),
            1 => new StorageException(StorageError.InputOutput, "injected"),
            _ => null,
        };

    /// <summary>The key of the pack that a session makes of the block in these tests.</summary>
    private async Task<string> KeyOfPackAsync()
    {
        var (session, _) = _world.StartSession(_world.StartWriter());
        await session.StoreAsync(new[] { WriterWorld.Noise(1, 7) }, None);
        await session.FlushAsync(None);
        return _world.Objects.Packs.Single();
    }

    private sealed class FaultyIndex(IDigestIndex inner) : IDigestIndex
    {
        public StorageException? LookUpFault { get; set; }

        public StorageException? RecordFault { get; set; }

        public ValueTask<DigestAnswer[]> LookUpAsync(string writer, ReadOnlyMemory<BlockDigest> digests, CancellationToken cancellation) =>
            LookUpFault is { } fault ? throw fault : inner.LookUpAsync(writer, digests, cancellation);

        public ValueTask RecordAsync(string pack, ReadOnlyMemory<PackedBlock> blocks, CancellationToken cancellation) =>
            RecordFault is { } fault ? throw fault : inner.RecordAsync(pack, blocks, cancellation);

        public ValueTask AbandonAsync(string writer, ReadOnlyMemory<BlockDigest> digests, CancellationToken cancellation) =>
            inner.AbandonAsync(writer, digests, cancellation);

        public ValueTask<BlockPlace[]> LocateAsync(ReadOnlyMemory<BlockDigest> digests, CancellationToken cancellation) =>
            inner.LocateAsync(digests, cancellation);
    }
}
