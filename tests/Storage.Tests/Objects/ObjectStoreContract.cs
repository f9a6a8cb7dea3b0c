using ActorBackup.Storage.Objects;
using ActorBackup.Storage.Tests.Support;

namespace ActorBackup.Storage.Tests.Objects;

/// <summary>What every backend owes. A backend's tests derive from it and say how a store is made.</summary>
public abstract class ObjectStoreContract : IDisposable
{
    private static readonly CancellationToken None = CancellationToken.None;

    protected abstract IObjectStore Store { get; }

    [Fact]
    public async Task What_was_put_is_got_whole_and_in_ranges()
    {
        var content = Content.Noise(1, 100_000);
        Assert.True(await Store.PutIfAbsentAsync("packs/data/ab/c", content, None));

        Assert.Equal(content, await Store.TryGetAsync("packs/data/ab/c", content.Length, None));
        Assert.Equal(content.Length, await Store.TryGetLengthAsync("packs/data/ab/c", None));
        foreach (var (offset, length) in new[] { (0, 1), (0, 100_000), (99_999, 1), (4095, 8194), (100_000, 0) })
        {
            var buffer = new byte[length];
            await Store.ReadAsync("packs/data/ab/c", offset, buffer, None);
            Assert.Equal(content[offset..(offset + length)], buffer);
        }
    }

    [Fact]
    public async Task A_taken_key_keeps_its_object()
    {
        Assert.True(await Store.PutIfAbsentAsync("k", "first"u8.ToArray(), None));

        Assert.False(await Store.PutIfAbsentAsync("k", "second"u8.ToArray(), None));
        Assert.False(await Store.PutIfAbsentAsync("k", "first"u8.ToArray(), None));

        Assert.Equal("first"u8.ToArray(), await Store.TryGetAsync("k", 100, None));
    }

    /// <summary>Rule 25.</summary>
    [Fact]
    public async Task Of_many_puts_at_once_exactly_one_wins_and_its_object_is_there_whole()
    {
        for (var round = 0; round < 20; round++)
        {
            var key = $"points/p{round}";
            using var start = new Barrier(8);
            var puts = Enumerable.Range(0, 8).Select(i => Task.Factory.StartNew(
                () =>
                {
                    start.SignalAndWait();
                    return Store.PutIfAbsentAsync(key, Content.Noise(i, 5000 + i), None).GetAwaiter().GetResult();
                },
                None,
                TaskCreationOptions.LongRunning,
                TaskScheduler.Default));
            var won = await Task.WhenAll(puts);

            var winner = Assert.Single(Enumerable.Range(0, 8), i => won[i]);
            Assert.Equal(Content.Noise(winner, 5000 + winner), await Store.TryGetAsync(key, 10_000, None));
        }
    }

    [Fact]
    public async Task What_is_not_there_is_null_or_missing()
    {
        await Store.PutIfAbsentAsync("points/a", new byte[1], None);
        foreach (var key in new[] { "b", "points/b", "points", "other/a" })
        {
            Assert.Null(await Store.TryGetAsync(key, 100, None));
            Assert.Null(await Store.TryGetLengthAsync(key, None));
        }

        Assert.Equal(StorageError.Missing, await ErrorOfAsync(() => Store.ReadAsync("points/b", 0, new byte[1], None)));
        await Store.DeleteAsync("points/b", None);
        await Store.DeleteAsync("other/a", None);
    }

    [Fact]
    public async Task A_range_beyond_the_end_is_damage()
    {
        await Store.PutIfAbsentAsync("k", new byte[10], None);

        Assert.Equal(StorageError.Damaged, await ErrorOfAsync(() => Store.ReadAsync("k", 0, new byte[11], None)));
        Assert.Equal(StorageError.Damaged, await ErrorOfAsync(() => Store.ReadAsync("k", 11, new byte[1], None)));
    }

    [Fact]
    public async Task An_object_larger_than_allowed_is_damage()
    {
        await Store.PutIfAbsentAsync("k", new byte[10], None);

        Assert.Equal(StorageError.Damaged, await ErrorOfAsync(() => Store.TryGetAsync("k", 9, None)));
        Assert.Equal(10, (await Store.TryGetAsync("k", 10, None))!.Length);
    }

    [Fact]
    public async Task An_empty_object_is_an_object()
    {
        Assert.True(await Store.PutIfAbsentAsync("k", ReadOnlyMemory<byte>.Empty, None));

        Assert.False(await Store.PutIfAbsentAsync("k", new byte[1], None));
        Assert.Empty((await Store.TryGetAsync("k", 0, None))!);
        Assert.Equal(0, await Store.TryGetLengthAsync("k", None));
        Assert.Equal([new StoredObject("k", 0)], await ListAsync(""));
    }

    [Fact]
    public async Task A_large_object_comes_back()
    {
        var content = Content.Noise(2, (17 * 1024 * 1024) + 1);
        await Store.PutIfAbsentAsync("k", content, None);

        var tail = new byte[4096];
        await Store.ReadAsync("k", content.Length - tail.Length, tail, None);
        Assert.Equal(content[^4096..], tail);
        var whole = await Store.TryGetAsync("k", content.Length, None);
        Assert.True(content.AsSpan().SequenceEqual(whole));
    }

    [Fact]
    public async Task A_list_has_what_begins_with_the_prefix_and_nothing_else()
    {
        string[] keys = ["repository", "points/0a", "points/0b", "points/1c", "packs/data/0a/x", "packs/data/0b/y", "packs/tree/0a/z", "pointsx"];
        foreach (var key in keys)
        {
            await Store.PutIfAbsentAsync(key, new byte[key.Length], None);
        }

        foreach (var prefix in new[] { "", "p", "points", "points/", "points/0", "packs/", "packs/data/", "packs/d", "packs/data/0a/x", "packs/data/0a/x/", "none/", "repository" })
        {
            var expected = keys.Where(k => k.StartsWith(prefix, StringComparison.Ordinal)).Select(k => new StoredObject(k, k.Length));
            Assert.Equal(expected.OrderBy(o => o.Key, StringComparer.Ordinal), await ListAsync(prefix));
        }
    }

    /// <summary>Rule 22.</summary>
    [Theory]
    [InlineData("")]
    [InlineData("packs/")]
    [InlineData("packs/data/ab/c")]
    public async Task What_a_list_named_outlives_a_power_failure_although_its_put_never_returned(string prefix)
    {
        var content = Content.Noise(3, 1000);
        await PutAndDieAsync("packs/data/ab/c", content);

        Assert.Equal([new StoredObject("packs/data/ab/c", content.Length)], await ListAsync(prefix));
        LosePower();

        Assert.Equal(content, await Store.TryGetAsync("packs/data/ab/c", content.Length, None));
    }

    [Fact]
    public async Task What_was_deleted_is_gone_and_its_key_is_free()
    {
        await Store.PutIfAbsentAsync("points/a", "first"u8.ToArray(), None);
        await Store.DeleteAsync("points/a", None);

        Assert.Null(await Store.TryGetAsync("points/a", 100, None));
        Assert.Empty(await ListAsync("points/"));
        Assert.True(await Store.PutIfAbsentAsync("points/a", "second"u8.ToArray(), None));
        Assert.Equal("second"u8.ToArray(), await Store.TryGetAsync("points/a", 100, None));
    }

    [Theory]
    [InlineData("")]
    [InlineData("/")]
    [InlineData("/etc/passwd")]
    [InlineData("..")]
    [InlineData("../x")]
    [InlineData("points/../../x")]
    [InlineData("points/./x")]
    [InlineData("points//x")]
    [InlineData("points/")]
    [InlineData(".hidden")]
    [InlineData("points/.nfs0001")]
    [InlineData("a b")]
    [InlineData("a\0b")]
    [InlineData("a\nb")]
    [InlineData("a\\b")]
    [InlineData("a:b")]
    [InlineData("a*")]
    [InlineData("Points")]
    [InlineData("é")]
    public async Task A_key_that_could_mean_a_path_elsewhere_is_refused_by_every_call(string key)
    {
        Assert.Equal(StorageError.Invalid, await ErrorOfAsync(() => Store.PutIfAbsentAsync(key, new byte[1], None)));
        Assert.Equal(StorageError.Invalid, await ErrorOfAsync(() => Store.TryGetAsync(key, 1, None)));
        Assert.Equal(StorageError.Invalid, await ErrorOfAsync(() => Store.TryGetLengthAsync(key, None)));
        Assert.Equal(StorageError.Invalid, await ErrorOfAsync(() => Store.ReadAsync(key, 0, new byte[1], None)));
        Assert.Equal(StorageError.Invalid, await ErrorOfAsync(() => Store.DeleteAsync(key, None)));
    }

    [Theory]
    [InlineData("../")]
    [InlineData("/")]
    [InlineData("points/../")]
    public async Task A_prefix_that_could_mean_a_path_elsewhere_is_refused(string prefix) =>
        Assert.Equal(StorageError.Invalid, await ErrorOfAsync(() => ListAsync(prefix)));

    [Fact]
    public async Task A_key_has_at_most_200_characters()
    {
        Assert.True(await Store.PutIfAbsentAsync(new string('a', 200), new byte[1], None));

        Assert.Equal(StorageError.Invalid, await ErrorOfAsync(() => Store.PutIfAbsentAsync(new string('a', 201), new byte[1], None)));
    }

    [Fact]
    public async Task Listing_while_objects_come_and_go_does_not_fail()
    {
        using var stop = new CancellationTokenSource();
        var churn = Task.Run(
            async () =>
            {
                for (var i = 0; !stop.IsCancellationRequested; i++)
                {
                    await Store.PutIfAbsentAsync($"points/{i % 8}", new byte[1], None);
                    await Store.DeleteAsync($"points/{(i + 4) % 8}", None);
                }
            },
            None);
        try
        {
            await Store.PutIfAbsentAsync("points/stays", new byte[1], None);
            for (var round = 0; round < 100; round++)
            {
                Assert.Contains(new StoredObject("points/stays", 1), await ListAsync("points/"));
                await Store.TryGetAsync($"points/{round % 8}", 1, None);
                await Store.TryGetLengthAsync($"points/{round % 8}", None);
            }
        }
        finally
        {
            await stop.CancelAsync();
            await churn;
        }
    }

    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Another process puts an object and dies as soon as that can be seen.</summary>
    protected virtual Task PutAndDieAsync(string key, byte[] content) => Store.PutIfAbsentAsync(key, content, None);

    /// <summary>What is not durable is gone.</summary>
    protected virtual void LosePower()
    {
        // Whatever a store has may be durable at once.
    }

    protected virtual void Dispose(bool disposing) => Store.Dispose();

    protected static async Task<StorageError> ErrorOfAsync(Func<Task> call) => (await Assert.ThrowsAsync<StorageException>(call)).Error;

    protected async Task<StoredObject[]> ListAsync(string prefix)
    {
        var found = new List<StoredObject>();
        await foreach (var stored in Store.ListAsync(prefix, None))
        {
            found.Add(stored);
        }

        return [.. found.OrderBy(o => o.Key, StringComparer.Ordinal)];
    }
}
