namespace ActorBackup.Storage.Tests.Writing;

/// <summary>Packs that are tried again because a session wants that, and what the others have of it.</summary>
public sealed class WriterRetryTests : IDisposable
{
    private static readonly CancellationToken None = CancellationToken.None;

    private readonly WriterWorld _world = new();
    private bool _isFull = true;

    public WriterRetryTests()
    {
        _world.Store.PutFault = (_, _) => _isFull ? new StorageException(StorageError.NoSpace, "full") : null;
    }

    public void Dispose() => _world.Dispose();

    [Fact]
    public async Task A_pack_is_put_again_as_often_as_its_session_wants()
    {
        var (session, heard) = _world.StartSession(_world.StartWriter());
        var asked = new List<int>();
        heard.WhenFailed = (e, n, _) =>
        {
            Assert.Equal(StorageError.NoSpace, e.Error);
            asked.Add(n);
            _isFull = n < 3;
            return Task.FromResult(true);
        };
        await session.StoreAsync(new[] { WriterWorld.Noise(1, 7) }, None);

        await session.FlushAsync(None);

        Assert.Equal([1, 2, 3], asked);
        Assert.Equal([1L], heard.Blocks);
        Assert.Empty(heard.Lies);
        Assert.Null(session.Fault);
    }

    [Fact]
    public async Task While_one_session_waits_another_fails_and_a_third_stores_its_own()
    {
        var writer = _world.StartWriter();
        var (patient, heardByPatient) = _world.StartSession(writer);
        var (hasty, _) = _world.StartSession(writer);
        var (third, heardByThird) = _world.StartSession(writer);
        var asked = new TaskCompletionSource();
        var resumed = new TaskCompletionSource<bool>();
        heardByPatient.WhenFailed = (_, _, _) =>
        {
            asked.TrySetResult();
            return resumed.Task;
        };
        await patient.StoreAsync(new[] { WriterWorld.Noise(1, 7) }, None);
        await hasty.StoreAsync(new[] { WriterWorld.Noise(2, 8) }, None);
        var flush = patient.FlushAsync(None);
        await asked.Task;

        // Both were in one pack.
        Assert.Equal(StorageError.NoSpace, (await Assert.ThrowsAsync<StorageException>(() => hasty.FlushAsync(None).WaitAsync(TimeSpan.FromSeconds(30)))).Error);
        Assert.Null(patient.Fault);

        // The pack that waits holds up no other one, though more fail than may be in flight.
        _isFull = false;
        for (var i = 0; i < 4; i++)
        {
            await third.StoreAsync(new[] { WriterWorld.Noise(10 + i, 10 + i) }, None);
            await third.FlushAsync(None);
        }

        Assert.Equal(4, heardByThird.Blocks.Length);
        Assert.False(flush.IsCompleted);
        resumed.SetResult(true);
        await flush;
        Assert.Equal([1L], heardByPatient.Blocks);
    }

    [Fact]
    public async Task Who_begins_to_wait_for_a_pack_that_waits_brings_a_try_and_is_asked_itself()
    {
        var writer = _world.StartWriter();
        var (patient, heardByPatient) = _world.StartSession(writer);
        var asked = new SemaphoreSlim(0);
        heardByPatient.WhenFailed = async (_, _, ended) =>
        {
            asked.Release();
            await Task.Delay(Timeout.Infinite, ended);
            return true;
        };
        await patient.StoreAsync(new[] { WriterWorld.Noise(1, 7) }, None);
        var flush = patient.FlushAsync(None);
        await asked.WaitAsync();

        // While it is full the newcomer fails at once.
        var (hasty, _) = _world.StartSession(writer);
        await hasty.StoreAsync(new[] { WriterWorld.Noise(2, 7) }, None);
        await Assert.ThrowsAsync<StorageException>(() => hasty.FlushAsync(None).WaitAsync(TimeSpan.FromSeconds(30)));
        await asked.WaitAsync();
        Assert.False(flush.IsCompleted);

        // Once there is room the next one brings the pack through for both.
        _isFull = false;
        var (next, heardByNext) = _world.StartSession(writer);
        await next.StoreAsync(new[] { WriterWorld.Noise(3, 7) }, None);
        await next.FlushAsync(None);
        await flush;
        Assert.Equal([3L], heardByNext.Blocks);
        Assert.Equal([1L], heardByPatient.Blocks);
    }

    [Fact]
    public async Task A_session_that_ends_lets_go_of_the_pack_it_waits_for()
    {
        var writer = _world.StartWriter();
        var (session, heard) = _world.StartSession(writer);
        var asked = new TaskCompletionSource();
        heard.WhenFailed = async (_, _, ended) =>
        {
            asked.TrySetResult();
            await Task.Delay(Timeout.Infinite, ended);
            return true;
        };
        await session.StoreAsync(new[] { WriterWorld.Noise(1, 7) }, None);
        var flush = session.FlushAsync(None);
        await asked.Task;

        await session.DisposeAsync();

        await Assert.ThrowsAsync<StorageException>(() => flush.WaitAsync(TimeSpan.FromSeconds(30)));
        _isFull = false;
        var (next, heardByNext) = _world.StartSession(writer);
        await next.StoreAsync(new[] { WriterWorld.Noise(2, 7) }, None);
        await next.FlushAsync(None);
        Assert.Equal([2L], heardByNext.Blocks);
        Assert.Equal(0, writer.PendingCount);
        Assert.Empty(heard.Blocks);
    }
}
