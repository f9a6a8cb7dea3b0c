using ActorBackup.Core.Blocks;
using ActorBackup.Files;
using ActorBackup.Storage.Points;
using ActorBackup.Storage.Restoring;
using ActorBackup.Storage.Tests.Support;

namespace ActorBackup.Storage.Tests.Restoring;

public sealed class FileRestoreTests : IDisposable
{
    private const int BlockBytes = TestRepository.BlockBytes;

    private static readonly CancellationToken None = CancellationToken.None;

    private readonly TemporaryDirectory _directory = new();
    private readonly FaultyFileLayer _files = new();
    private readonly RecordingProgress _progress = new();

    private string Target => _directory.At("disk.raw");

    [Fact]
    public async Task The_file_is_the_image_its_zeroes_are_holes_and_nothing_else_is_left()
    {
        await using var repository = await TestRepository.CreateAsync();
        var image = Image();
        var point = await repository.BackUpAsync(image);

        await RestoreAsync(repository, point);

        Assert.True(IsRestored(image));
        Assert.Equal(["disk.raw"], Left());
        using var file = LinuxFileLayer.Instance.Open(Target, FileOpening.ReadOnly);
        Assert.Equal((0L, 100L * BlockBytes), file.NextData(0));
        Assert.Equal(300L * BlockBytes, file.NextData(100 * BlockBytes).Start);
        Assert.Equal((image.Length, image.Length, 200L * BlockBytes), (_progress.TotalBytes, _progress.DoneBytes, _progress.ZeroBytes));
    }

    [Fact]
    public async Task The_bytes_are_durable_before_they_have_the_name_and_the_name_before_it_returns()
    {
        await using var repository = await TestRepository.CreateAsync();
        await RestoreAsync(repository, await repository.BackUpAsync(Image()));

        var done = _files.Done.ToList();
        var link = done.IndexOf(("link", Target));
        var sync = done.FindIndex(d => d.Operation == "sync");
        Assert.True(done.FindLastIndex(d => d.Operation == "write") < sync);
        Assert.True(sync < link);
        Assert.True(done.IndexOf(("syncdir", _directory.Path)) > link);
    }

    [Fact]
    public async Task A_disk_of_zeroes_is_one_hole()
    {
        await using var repository = await TestRepository.CreateAsync();

        await RestoreAsync(repository, await repository.BackUpAsync(new byte[(10 * BlockBytes) - 512]));

        Assert.Equal(new byte[(10 * BlockBytes) - 512], await File.ReadAllBytesAsync(Target));
        Assert.DoesNotContain(_files.Done, d => d.Operation == "write");
    }

    [Fact]
    public async Task A_file_that_exists_is_refused_before_any_work_and_stays_as_it_is()
    {
        await using var repository = await TestRepository.CreateAsync();
        var point = await repository.BackUpAsync(Image());
        await File.WriteAllTextAsync(Target, "mine");
        repository.Store.Reads.Clear();

        Assert.Equal(StorageError.Exists, await ErrorOfAsync(() => RestoreAsync(repository, point)));

        Assert.Equal("mine", await File.ReadAllTextAsync(Target));
        Assert.Empty(repository.Store.Reads);
        Assert.Equal(["disk.raw"], Left());
    }

    [Fact]
    public async Task A_file_that_appears_during_the_restore_is_not_overwritten()
    {
        await using var repository = await TestRepository.CreateAsync();
        var point = await repository.BackUpAsync(Image());
        _files.Fault = (o, _) =>
        {
            if (o == "sync")
            {
                File.WriteAllText(Target, "mine");
            }

            return null;
        };

        Assert.Equal(StorageError.Exists, await ErrorOfAsync(() => RestoreAsync(repository, point)));

        Assert.Equal("mine", await File.ReadAllTextAsync(Target));
        Assert.Equal(["disk.raw"], Left());
    }

    [Fact]
    public async Task With_replace_the_old_file_stays_until_the_new_one_is_whole()
    {
        await using var repository = await TestRepository.CreateAsync();
        var image = Image();
        var point = await repository.BackUpAsync(image);
        await File.WriteAllTextAsync(Target, "old");
        _files.Fault = (o, _) => o == "sync" ? FileError.InputOutput : null;
        Assert.Equal(StorageError.InputOutput, await ErrorOfAsync(() => RestoreAsync(repository, point, replace: true)));
        Assert.Equal("old", await File.ReadAllTextAsync(Target));
        _files.Fault = null;

        await RestoreAsync(repository, point, replace: true);

        Assert.True(IsRestored(image));
        Assert.Equal(["disk.raw"], Left());
    }

    /// <summary>A rename over a device's name would leave a file in its place.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task What_is_not_a_file_is_refused_even_with_replace(bool replace)
    {
        await using var repository = await TestRepository.CreateAsync();
        var point = await repository.BackUpAsync(Image());
        File.CreateSymbolicLink(_directory.At("null"), "/dev/null");
        Directory.CreateDirectory(_directory.At("directory"));

        Assert.Equal(StorageError.Invalid, await ErrorOfAsync(() => RestoreAsync(repository, point, replace, _directory.At("null"))));
        Assert.Equal(StorageError.Invalid, await ErrorOfAsync(() => RestoreAsync(repository, point, replace, _directory.At("directory"))));

        Assert.Equal("/dev/null", new FileInfo(_directory.At("null")).LinkTarget);
    }

    [Theory]
    [InlineData("create", FileError.PermissionDenied, StorageError.PermissionDenied)]
    [InlineData("create", FileError.ReadOnly, StorageError.PermissionDenied)]
    [InlineData("create", FileError.NotFound, StorageError.Missing)]
    [InlineData("write", FileError.NoSpace, StorageError.NoSpace)]
    [InlineData("sync", FileError.NoSpace, StorageError.NoSpace)]
    [InlineData("sync", FileError.InputOutput, StorageError.InputOutput)]
    public async Task A_restore_that_fails_for_good_leaves_no_file(string operation, FileError error, StorageError expected)
    {
        await using var repository = await TestRepository.CreateAsync();
        var point = await repository.BackUpAsync(Image());
        _files.Fault = (o, _) => o == operation ? error : null;

        Assert.Equal(expected, await ErrorOfAsync(() => RestoreAsync(repository, point)));

        Assert.Empty(Left());
    }

    [Theory]
    [InlineData("write")]
    [InlineData("link")]
    public async Task A_restore_that_may_do_better_leaves_a_file_that_says_what_it_is_and_the_next_one_goes_on(string operation)
    {
        await using var repository = await TestRepository.CreateAsync();
        var image = Image();
        var point = await repository.BackUpAsync(image);
        var left = operation == "write" ? 2 : 1;
        _files.Fault = (o, _) => o == operation && Interlocked.Decrement(ref left) <= 0 ? FileError.InputOutput : null;
        var failure = await Assert.ThrowsAsync<StorageException>(() => RestoreAsync(repository, point));
        Assert.Equal(StorageError.InputOutput, failure.Error);
        Assert.Contains(PartialOf(point), failure.Message, StringComparison.Ordinal);
        Assert.Equal([Path.GetFileName(PartialOf(point))], Left());
        _files.Fault = null;
        var written = _files.WrittenBytes;

        await RestoreAsync(repository, point);

        Assert.True(IsRestored(image));
        Assert.Equal(["disk.raw"], Left());
        Assert.Equal((200 * BlockBytes) - 512, _files.WrittenBytes);
        Assert.InRange(written, BlockBytes, _files.WrittenBytes);
        Assert.Equal(written, _progress.SkippedBytes);
    }

    /// <summary>Nothing of what is there is believed: another program, or a power failure, may have changed it.</summary>
    [Fact]
    public async Task What_an_earlier_restore_left_is_compared_block_by_block()
    {
        await using var repository = await TestRepository.CreateAsync();
        var image = Image();
        var point = await repository.BackUpAsync(image);
        var left = new byte[image.Length + 10_000];
        image.CopyTo(left, 0);
        Content.Noise(7, 3 * BlockBytes).CopyTo(left, 20 * BlockBytes);
        Content.Noise(8, 5000).CopyTo(left, (200 * BlockBytes) + 100);
        await File.WriteAllBytesAsync(PartialOf(point), left);

        await RestoreAsync(repository, point);

        Assert.True(IsRestored(image));
        Assert.Equal(["disk.raw"], Left());
        Assert.Equal(3 * BlockBytes, _files.WrittenBytes);
        Assert.Equal(image.Length, _progress.DoneBytes);
    }

    [Fact]
    public async Task What_another_point_left_is_not_touched()
    {
        await using var repository = await TestRepository.CreateAsync();
        var other = await repository.BackUpAsync(new byte[BlockBytes]);
        var point = await repository.BackUpAsync(Image());
        await File.WriteAllTextAsync(PartialOf(other), "of another");

        await RestoreAsync(repository, point);

        Assert.Equal(["disk.raw", Path.GetFileName(PartialOf(other))], Left());
        Assert.Equal("of another", await File.ReadAllTextAsync(PartialOf(other)));
    }

    [Fact]
    public async Task Two_restores_of_one_point_to_one_path_do_not_mix()
    {
        await using var repository = await TestRepository.CreateAsync();
        var image = Image();
        var point = await repository.BackUpAsync(image);
        using (var other = LinuxFileLayer.Instance.Open(PartialOf(point), FileOpening.CreateNew))
        {
            other.LockShared(0);
            var late = new FileRestore(repository.Data, point, Target, false, LinuxFileLayer.Instance, _progress);
            Assert.Equal(StorageError.Busy, await ErrorOfAsync(() => late.RunAsync(None)));
            Assert.Equal([Path.GetFileName(PartialOf(point))], Left());
        }

        await RestoreAsync(repository, point);
        Assert.True(IsRestored(image));
    }

    /// <summary>The process may die at any operation: what it leaves then does not have the target's name, unless it is whole.</summary>
    [Fact]
    public async Task A_restore_that_dies_at_any_operation_leaves_nothing_that_looks_whole()
    {
        await using var repository = await TestRepository.CreateAsync();
        var image = Image();
        var point = await repository.BackUpAsync(image);
        await RestoreAsync(repository, point);
        File.Delete(Target);
        var operations = _files.Done.Count;
        Assert.InRange(operations, 7, 400);
        for (var dies = 1; dies <= operations; dies += dies < 5 || dies > operations - 10 ? 1 : 17)
        {
            var left = dies;

            // Nothing goes through any more, not even the deletion of what was begun.
            _files.Fault = (_, _) => Interlocked.Decrement(ref left) <= 0 ? FileError.InputOutput : null;
            await ErrorOfAsync(() => RestoreAsync(repository, point));
            _files.Fault = null;

            Assert.True(!File.Exists(Target) || IsRestored(image), $"Operation {dies}.");
            await RestoreAsync(repository, point, replace: true);
            Assert.True(IsRestored(image), $"After operation {dies}.");
            Assert.Equal(["disk.raw"], Left());
            File.Delete(Target);
        }
    }

    [Fact]
    public async Task What_does_not_fit_is_refused_before_anything_is_written()
    {
        await using var repository = await TestRepository.CreateAsync();
        var point = await repository.BackUpAsync(Image());
        _files.Free = (200 * BlockBytes) - 513;

        Assert.Equal(StorageError.NoSpace, await ErrorOfAsync(() => RestoreAsync(repository, point)));
        Assert.DoesNotContain(_files.Done, d => d.Operation == "create");

        _files.Free = (200 * BlockBytes) - 512;
        await RestoreAsync(repository, point);
    }

    [Fact]
    public async Task A_damaged_point_leaves_no_file()
    {
        await using var repository = await TestRepository.CreateAsync();
        var image = Image();
        var point = await repository.BackUpAsync(image);
        repository.Objects.Flip(repository.PackOf(TestRepository.DigestOf(image, 50)), 8000);

        Assert.Equal(StorageError.Damaged, await ErrorOfAsync(() => RestoreAsync(repository, point)));

        Assert.Empty(Left());
    }

    /// <summary>Such as one that is not mounted, or a network that fails.</summary>
    [Theory]
    [InlineData(StorageError.Missing)]
    [InlineData(StorageError.InputOutput)]
    public async Task A_repository_that_goes_away_in_the_middle_leaves_what_the_next_restore_completes(StorageError error)
    {
        await using var repository = await TestRepository.CreateAsync();

        // More than all workers have under way when it goes away: about 40 reads of data.
        var image = Content.Noise(5, 40 * 1024 * 1024);
        var point = await repository.BackUpAsync(image);
        var reads = 0;
        repository.Store.ReadFault = key =>
            key.StartsWith("packs/data/", StringComparison.Ordinal) && Interlocked.Increment(ref reads) > 24 ? new StorageException(error, "injected") : null;

        Assert.Equal(error, await ErrorOfAsync(() => RestoreAsync(repository, point)));

        Assert.Equal([Path.GetFileName(PartialOf(point))], Left());
        repository.Store.ReadFault = null;
        await RestoreAsync(repository, point);
        Assert.True(IsRestored(image));
        Assert.True(_progress.SkippedBytes > 50 * BlockBytes);
    }

    [Theory]
    [InlineData("create")]
    [InlineData("write")]
    [InlineData("sync")]
    public async Task A_cancelled_restore_leaves_what_the_next_one_completes(string operation)
    {
        await using var repository = await TestRepository.CreateAsync();
        var image = Image();
        var point = await repository.BackUpAsync(image);
        using var cancellation = new CancellationTokenSource();
        _files.Fault = (o, _) =>
        {
            if (o == operation)
            {
                cancellation.Cancel();
            }

            return null;
        };

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Restore(repository, point).RunAsync(cancellation.Token));

        Assert.Equal([Path.GetFileName(PartialOf(point))], Left());
        _files.Fault = null;
        await RestoreAsync(repository, point);
        Assert.True(IsRestored(image));
        Assert.Equal(["disk.raw"], Left());
    }

    /// <summary>Whoever restores a partial point by force gets what it has (rule 13).</summary>
    [Fact]
    public async Task Of_a_partial_point_comes_what_its_tree_has()
    {
        await using var repository = await TestRepository.CreateAsync();
        var image = Image();
        image.AsSpan(50 * BlockBytes, 5 * BlockBytes).Clear();
        var point = await repository.BackUpAsync(image, missing: [new BlockRun(50, 5)]);

        await RestoreAsync(repository, point);

        Assert.True(IsRestored(image));
    }

    public void Dispose() => _directory.Dispose();

    private static async Task<StorageError> ErrorOfAsync(Func<Task> call) => (await Assert.ThrowsAsync<StorageException>(call)).Error;

    /// <summary>100 blocks, a hole of 200, and 100 blocks of which the last is not whole.</summary>
    private static byte[] Image()
    {
        var image = new byte[(400 * BlockBytes) - 512];
        Content.Noise(1, 100 * BlockBytes).CopyTo(image, 0);
        Content.Noise(2, (100 * BlockBytes) - 512).CopyTo(image, 300 * BlockBytes);
        return image;
    }

    private bool IsRestored(byte[] image) => image.AsSpan().SequenceEqual(File.ReadAllBytes(Target));

    private IEnumerable<string?> Left() => Directory.GetFileSystemEntries(_directory.Path).Select(Path.GetFileName).Order(StringComparer.Ordinal);

    private string PartialOf(RecoveryPoint point) => FileRestore.PartialPathOf(Target, point.Id);

    private FileRestore Restore(TestRepository repository, RecoveryPoint point, bool replace = false, string? target = null) =>
        new(repository.Data, point, target ?? Target, replace, _files, _progress);

    private Task RestoreAsync(TestRepository repository, RecoveryPoint point, bool replace = false, string? target = null) =>
        Restore(repository, point, replace, target).RunAsync(None);
}
