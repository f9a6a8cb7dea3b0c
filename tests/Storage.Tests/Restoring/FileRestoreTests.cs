using ActorBackup.Core.Blocks;
using ActorBackup.Core.Identity;
using ActorBackup.Files;
using ActorBackup.Storage.Points;
using ActorBackup.Storage.Restoring;
using ActorBackup.Storage.Tests.Support;

namespace ActorBackup.Storage.Tests.Restoring;

public sealed class FileRestoreTests : IDisposable
{
    private const int BlockBytes = TestRepository.BlockBytes;

    private static readonly CancellationToken None = CancellationToken.None;
    private static readonly JobId Job = new(TestRepository.IdOf(1));

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
    [InlineData("write", FileError.InputOutput, StorageError.InputOutput)]
    [InlineData("sync", FileError.NoSpace, StorageError.NoSpace)]
    [InlineData("sync", FileError.InputOutput, StorageError.InputOutput)]
    [InlineData("link", FileError.InputOutput, StorageError.InputOutput)]
    public async Task A_restore_that_fails_leaves_no_file(string operation, FileError error, StorageError expected)
    {
        await using var repository = await TestRepository.CreateAsync();
        var point = await repository.BackUpAsync(Image());
        _files.Fault = (o, _) => o == operation ? error : null;

        Assert.Equal(expected, await ErrorOfAsync(() => RestoreAsync(repository, point)));

        Assert.Empty(Left());
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
        Assert.InRange(operations, 200, 400);
        for (var dies = 1; dies <= operations; dies += dies < 5 || dies > operations - 10 ? 1 : 17)
        {
            var left = dies;

            // Nothing goes through any more, not even the deletion of what was begun.
            _files.Fault = (_, _) => Interlocked.Decrement(ref left) <= 0 ? FileError.InputOutput : null;
            await ErrorOfAsync(() => RestoreAsync(repository, point));
            _files.Fault = null;

            Assert.True(!File.Exists(Target) || IsRestored(image), $"Operation {dies}.");
            FileRestore.DeleteLeftovers(_files, Target, Job);
            File.Delete(Target);
            Assert.Empty(Left());
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

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_point_that_cannot_be_read_back_leaves_no_file(bool isMissing)
    {
        await using var repository = await TestRepository.CreateAsync();
        var image = Image();
        var point = await repository.BackUpAsync(image);
        var pack = repository.PackOf(TestRepository.DigestOf(image, 50));
        if (isMissing)
        {
            repository.Objects.Objects.TryRemove(pack, out _);
        }
        else
        {
            repository.Objects.Flip(pack, 8000);
        }

        Assert.Equal(isMissing ? StorageError.Missing : StorageError.Damaged, await ErrorOfAsync(() => RestoreAsync(repository, point)));

        Assert.Empty(Left());
    }

    [Fact]
    public async Task A_repository_that_fails_in_the_middle_leaves_no_file()
    {
        await using var repository = await TestRepository.CreateAsync();
        var point = await repository.BackUpAsync(Image());
        var reads = 0;
        repository.Store.ReadFault = _ => Interlocked.Increment(ref reads) > 100 ? new StorageException(StorageError.InputOutput, "injected") : null;

        Assert.Equal(StorageError.InputOutput, await ErrorOfAsync(() => RestoreAsync(repository, point)));

        Assert.Empty(Left());
    }

    [Fact]
    public async Task A_cancelled_restore_leaves_no_file()
    {
        await using var repository = await TestRepository.CreateAsync();
        var point = await repository.BackUpAsync(Image());
        foreach (var operation in new[] { "create", "write", "sync" })
        {
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

            Assert.Empty(Left());
        }
    }

    [Fact]
    public async Task Left_overs_of_one_job_are_deleted_and_nothing_else()
    {
        await File.WriteAllTextAsync(Target, "mine");
        await File.WriteAllTextAsync($"{Target}.partial-{Job}", "left");
        await File.WriteAllTextAsync($"{Target}.partial-{TestRepository.IdOf(2)}", "of another");

        FileRestore.DeleteLeftovers(_files, Target, Job);
        FileRestore.DeleteLeftovers(_files, Target, Job);

        Assert.Equal(["disk.raw", $"disk.raw.partial-{TestRepository.IdOf(2)}"], Left());
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

    private FileRestore Restore(TestRepository repository, RecoveryPoint point, bool replace = false, string? target = null) =>
        new(repository.Data, point, target ?? Target, replace, Job, _files, _progress);

    private Task RestoreAsync(TestRepository repository, RecoveryPoint point, bool replace = false, string? target = null) =>
        Restore(repository, point, replace, target).RunAsync(None);
}
