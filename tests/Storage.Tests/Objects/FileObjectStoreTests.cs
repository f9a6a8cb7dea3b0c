using ActorBackup.Files;
using ActorBackup.Storage.Objects;
using ActorBackup.Storage.Tests.Support;

namespace ActorBackup.Storage.Tests.Objects;

public sealed class FileObjectStoreTests : ObjectStoreContract
{
    private static readonly CancellationToken None = CancellationToken.None;

    private readonly TemporaryDirectory _directory = new();
    private readonly FaultyFileLayer _files = new();

    public FileObjectStoreTests() => Store = Open();

    protected override IObjectStore Store { get; }

    [Fact]
    public async Task A_put_syncs_the_bytes_before_they_have_a_name_and_the_name_before_it_returns()
    {
        await Store.PutIfAbsentAsync("points/a", new byte[10], None);

        var done = _files.Done.ToList();
        var link = done.IndexOf(("link", _directory.At("points", "a")));
        Assert.True(done.FindIndex(d => d.Operation == "write") < done.FindIndex(d => d.Operation == "sync"));
        Assert.True(done.FindIndex(d => d.Operation == "sync") < link);
        Assert.True(done.IndexOf(("syncdir", _directory.Path)) < link, "The directory's own name is not durable.");
        Assert.True(done.LastIndexOf(("syncdir", _directory.At("points"))) > link);
    }

    /// <summary>Whoever won may have died before its sync; who comes second is told that the object is there, and counts on it.</summary>
    [Fact]
    public async Task A_put_that_finds_the_key_taken_syncs_the_name_too()
    {
        await Store.PutIfAbsentAsync("points/a", new byte[10], None);
        _files.Done.Clear();

        Assert.False(await Store.PutIfAbsentAsync("points/a", new byte[10], None));

        Assert.Contains(("syncdir", _directory.At("points")), _files.Done);
    }

    [Fact]
    public async Task A_delete_of_what_is_gone_already_syncs_the_directory()
    {
        await Store.PutIfAbsentAsync("points/a", new byte[10], None);
        File.Delete(_directory.At("points", "a"));
        _files.Done.Clear();

        await Store.DeleteAsync("points/a", None);

        Assert.Contains(("syncdir", _directory.At("points")), _files.Done);
    }

    /// <summary>Rule 22. Also what comes in the middle of the listing, and whose put dies before its sync.</summary>
    [Theory]
    [InlineData("list")]
    [InlineData("syncdir")]
    public async Task A_name_that_comes_while_its_directory_is_listed_is_durable_or_not_listed(string during)
    {
        await Store.PutIfAbsentAsync("points/a", new byte[1], None);
        var hasCome = false;
        _files.Fault = (operation, path) =>
        {
            if (operation == during && path == _directory.At("points") && !hasCome)
            {
                hasCome = true;
                _files.Link(_directory.At("points", "a"), _directory.At("points", "b"));
            }

            return null;
        };

        var listed = await ListAsync("points/");
        Assert.True(hasCome);
        _files.LosePower();

        Assert.All(listed, o => Assert.True(File.Exists(_directory.At("points", Path.GetFileName(o.Key))), $"{o.Key} was listed and is gone."));
    }

    [Fact]
    public async Task A_list_whose_sync_failed_names_nothing()
    {
        await PutAndDieAsync("points/a", new byte[1]);
        _files.Fault = (o, _) => o == "syncdir" ? FileError.InputOutput : null;

        Assert.Equal(StorageError.InputOutput, await ErrorOfAsync(() => ListAsync("points/")));
    }

    [Fact]
    public async Task What_nobody_can_write_to_is_listed_as_it_is()
    {
        await Store.PutIfAbsentAsync("points/a", new byte[1], None);
        _files.Fault = (o, _) => o == "syncdir" ? FileError.ReadOnly : null;

        Assert.Equal([new StoredObject("points/a", 1)], await ListAsync("points/"));
    }

    [Theory]
    [InlineData("create", FileError.PermissionDenied, StorageError.PermissionDenied)]
    [InlineData("create", FileError.ReadOnly, StorageError.PermissionDenied)]
    [InlineData("write", FileError.NoSpace, StorageError.NoSpace)]
    [InlineData("write", FileError.InputOutput, StorageError.InputOutput)]
    [InlineData("sync", FileError.InputOutput, StorageError.InputOutput)]
    [InlineData("sync", FileError.NoSpace, StorageError.NoSpace)]
    [InlineData("link", FileError.NoSpace, StorageError.NoSpace)]
    public async Task A_put_that_fails_leaves_neither_object_nor_temporary_file(string operation, FileError error, StorageError expected)
    {
        await Store.PutIfAbsentAsync("points/before", new byte[1], None);
        _files.Fault = (o, _) => o == operation ? error : null;

        Assert.Equal(expected, await ErrorOfAsync(() => Store.PutIfAbsentAsync("points/a", new byte[10], None)));

        _files.Fault = null;
        Assert.Empty(Directory.GetFiles(_directory.At("tmp")));
        Assert.Null(await Store.TryGetAsync("points/a", 100, None));
        Assert.True(await Store.PutIfAbsentAsync("points/a", new byte[10], None));
    }

    [Fact]
    public async Task A_failed_sync_of_a_directory_is_not_retried_into_success()
    {
        await Store.PutIfAbsentAsync("points/before", new byte[1], None);
        _files.Fault = (o, p) => o == "syncdir" && p == _directory.At("points") ? FileError.InputOutput : null;
        Assert.Equal(StorageError.InputOutput, await ErrorOfAsync(() => Store.PutIfAbsentAsync("points/a", new byte[1], None)));
        _files.Fault = null;

        Assert.Equal(StorageError.InputOutput, await ErrorOfAsync(() => Store.PutIfAbsentAsync("points/a", new byte[1], None)));
        Assert.Equal(StorageError.InputOutput, await ErrorOfAsync(() => Store.PutIfAbsentAsync("points/b", new byte[1], None)));
        Assert.Equal(StorageError.InputOutput, await ErrorOfAsync(() => Store.DeleteAsync("points/before", None)));
        Assert.True(await Store.PutIfAbsentAsync("packs/a", new byte[1], None));
    }

    [Fact]
    public async Task A_short_read_is_damage_and_never_half_an_object()
    {
        await Store.PutIfAbsentAsync("k", Content.Noise(1, 100), None);
        _files.ShortRead = (_, length) => length / 2;

        Assert.Equal(StorageError.Damaged, await ErrorOfAsync(() => Store.ReadAsync("k", 0, new byte[100], None)));
        Assert.Equal(StorageError.Damaged, await ErrorOfAsync(() => Store.TryGetAsync("k", 100, None)));
    }

    [Fact]
    public async Task A_read_that_fails_is_an_input_output_error()
    {
        await Store.PutIfAbsentAsync("k", new byte[10], None);
        _files.Fault = (o, _) => o == "read" ? FileError.InputOutput : null;

        Assert.Equal(StorageError.InputOutput, await ErrorOfAsync(() => Store.ReadAsync("k", 0, new byte[10], None)));
        Assert.Equal(StorageError.InputOutput, await ErrorOfAsync(() => Store.TryGetAsync("k", 10, None)));
    }

    [Fact]
    public async Task Temporary_files_of_a_dead_process_are_no_objects_and_the_first_put_deletes_them()
    {
        Directory.CreateDirectory(_directory.At("tmp"));
        File.WriteAllBytes(_directory.At("tmp", "00old"), new byte[10]);
        File.SetLastWriteTimeUtc(_directory.At("tmp", "00old"), DateTime.UtcNow - FileObjectStore.LeftoverAge - TimeSpan.FromHours(1));
        File.WriteAllBytes(_directory.At("tmp", "00young"), new byte[10]);
        Assert.Empty(await ListAsync(""));
        Assert.Empty(await ListAsync("tmp"));

        await Store.PutIfAbsentAsync("k", new byte[1], None);

        Assert.Equal(["00young"], Directory.GetFiles(_directory.At("tmp")).Select(Path.GetFileName));
        Assert.Equal([new StoredObject("k", 1)], await ListAsync(""));
    }

    [Fact]
    public async Task An_object_that_is_deleted_between_two_system_calls_is_absent()
    {
        foreach (var key in new[] { "points/a", "points/b", "points/c", "points/d" })
        {
            await Store.PutIfAbsentAsync(key, new byte[1], None);
        }

        _files.Fault = (o, path) =>
        {
            if (o == "open")
            {
                File.Delete(path);
            }

            return null;
        };

        Assert.Null(await Store.TryGetAsync("points/a", 1, None));
        Assert.Null(await Store.TryGetLengthAsync("points/b", None));
        Assert.Equal(StorageError.Missing, await ErrorOfAsync(() => Store.ReadAsync("points/c", 0, new byte[1], None)));
        Assert.Empty(await ListAsync("points/"));
    }

    [Theory]
    [InlineData("tmp")]
    [InlineData("tmp/a")]
    public async Task Keys_of_the_temporary_directory_are_refused(string key)
    {
        Assert.Equal(StorageError.Invalid, await ErrorOfAsync(() => Store.PutIfAbsentAsync(key, new byte[1], None)));
        Assert.Equal(StorageError.Invalid, await ErrorOfAsync(() => Store.TryGetAsync(key, 1, None)));
    }

    [Fact]
    public async Task Files_that_are_no_objects_are_not_listed()
    {
        await Store.PutIfAbsentAsync("points/a", new byte[1], None);
        File.WriteAllBytes(_directory.At("points", ".nfs0001"), new byte[1]);
        File.WriteAllBytes(_directory.At("points", "a copy"), new byte[1]);
        Directory.CreateDirectory(_directory.At("lost+found", "x"));
        Directory.CreateDirectory(_directory.At(".snapshot"));
        File.WriteAllBytes(_directory.At(".snapshot", "a"), new byte[1]);

        Assert.Equal([new StoredObject("points/a", 1)], await ListAsync(""));
        Assert.Equal([new StoredObject("points/a", 1)], await ListAsync("points/"));
    }

    [Fact]
    public async Task A_root_that_vanished_is_missing_and_is_not_begun_anew()
    {
        await Store.PutIfAbsentAsync("points/a", new byte[1], None);
        Directory.Delete(_directory.Path, recursive: true);

        await AssertAllMissingAsync(Store);

        Assert.False(Directory.Exists(_directory.Path));
        Directory.CreateDirectory(_directory.Path);
    }

    /// <summary>What an unmounted repository leaves is an empty directory: a backup into it would fill the wrong disk and be hidden by the next mount.</summary>
    [Fact]
    public async Task A_mount_point_without_its_repository_is_missing_and_is_not_written_to()
    {
        using var store = Open("repository");
        Assert.Null(await store.TryGetAsync("repository", 1, None));
        await store.PutIfAbsentAsync("repository", new byte[1], None);
        await store.PutIfAbsentAsync("points/a", new byte[1], None);
        Directory.Delete(_directory.Path, recursive: true);
        Directory.CreateDirectory(_directory.Path);

        await AssertAllMissingAsync(store);

        Assert.Empty(Directory.GetFileSystemEntries(_directory.Path));
    }

    [Fact]
    public async Task A_directory_that_was_removed_below_the_root_is_made_again()
    {
        await Store.PutIfAbsentAsync("points/a", new byte[1], None);
        Directory.Delete(_directory.At("points"), recursive: true);

        Assert.Equal(StorageError.Missing, await ErrorOfAsync(() => Store.PutIfAbsentAsync("points/b", new byte[1], None)));
        Assert.True(await Store.PutIfAbsentAsync("points/b", new byte[1], None));
    }

    /// <summary>The sync that a put does last is what it dies of.</summary>
    protected override async Task PutAndDieAsync(string key, byte[] content)
    {
        var path = _directory.At(key.Split('/'));
        var isLinked = false;
        _files.Fault = (operation, at) =>
        {
            isLinked |= operation == "link" && at == path;
            return isLinked && operation == "syncdir" ? FileError.InputOutput : null;
        };
        using var other = Open();
        Assert.Equal(StorageError.InputOutput, await ErrorOfAsync(() => other.PutIfAbsentAsync(key, content, None)));
        _files.Fault = null;
    }

    protected override void LosePower() => _files.LosePower();

    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        _directory.Dispose();
    }

    private static async Task AssertAllMissingAsync(IObjectStore store)
    {
        Assert.Equal(StorageError.Missing, await ErrorOfAsync(() => store.PutIfAbsentAsync("points/b", new byte[1], None)));
        Assert.Equal(StorageError.Missing, await ErrorOfAsync(() => store.TryGetAsync("points/a", 1, None)));
        Assert.Equal(StorageError.Missing, await ErrorOfAsync(() => store.TryGetLengthAsync("points/a", None)));
        Assert.Equal(StorageError.Missing, await ErrorOfAsync(() => store.ReadAsync("points/a", 0, new byte[1], None)));
        Assert.Equal(StorageError.Missing, await ErrorOfAsync(() => store.DeleteAsync("points/a", None)));
        Assert.Equal(StorageError.Missing, await ErrorOfAsync(async () =>
        {
            await foreach (var _ in store.ListAsync("points/", None))
            {
                Assert.Fail("There is nothing to list.");
            }
        }));
    }

    private FileObjectStore Open(string? requiredKey = null) => new(_files, _directory.Path, "file:" + _directory.Path, requiredKey);
}
