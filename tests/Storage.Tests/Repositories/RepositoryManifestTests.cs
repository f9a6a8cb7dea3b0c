using ActorBackup.Core.Identity;
using ActorBackup.Files;
using ActorBackup.Storage.Repositories;
using ActorBackup.Storage.Tests.Support;

namespace ActorBackup.Storage.Tests.Repositories;

public sealed class RepositoryManifestTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly FaultyFileLayer _files = new();

    [Theory]
    [InlineData("new")]
    [InlineData("new/below/new")]
    [InlineData(".")]
    public async Task A_repository_is_made_in_a_new_or_an_empty_directory_and_found_there(string where)
    {
        var url = "file:" + _directory.At(where);
        var id = await CreateAsync(url);

        Assert.True(SortableId.IsValid(id));
        Assert.Equal(id, await Repository.ProbeAsync(_files, url));
        Assert.Equal(id, await Repository.ProbeAsync(_files, _directory.At(where)));
        Assert.Equal(StorageError.Exists, await ErrorOfAsync(() => CreateAsync(url)));
        Assert.Equal(id, await Repository.ProbeAsync(_files, url));
    }

    [Fact]
    public async Task A_directory_with_other_things_in_it_does_not_become_a_repository()
    {
        File.WriteAllText(_directory.At("letter.txt"), "dear");

        Assert.Equal(StorageError.NotARepository, await ErrorOfAsync(() => CreateAsync(_directory.Path)));

        Assert.Single(Directory.GetFileSystemEntries(_directory.Path));
    }

    [Fact]
    public async Task A_creation_that_died_before_the_manifest_can_be_repeated()
    {
        _files.Fault = (o, _) => o == "link" ? FileError.InputOutput : null;
        Assert.Equal(StorageError.InputOutput, await ErrorOfAsync(() => CreateAsync(_directory.Path)));
        File.WriteAllText(_directory.At("tmp", "00aa"), "half a manifest");
        _files.Fault = null;

        var id = await CreateAsync(_directory.Path);

        Assert.Equal(id, await Repository.ProbeAsync(_files, _directory.Path));
    }

    [Fact]
    public async Task Of_two_creations_at_once_one_wins()
    {
        var outcomes = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(async () =>
        {
            try
            {
                return await CreateAsync(_directory.Path);
            }
            catch (StorageException e)
            {
                // Who comes later finds a repository, or a directory in which one is being made.
                Assert.True(e.Error is StorageError.Exists or StorageError.NotARepository, e.Message);
                return null;
            }
        })));

        Assert.Equal(await Repository.ProbeAsync(_files, _directory.Path), Assert.Single(outcomes, o => o is not null));
    }

    [Fact]
    public async Task What_is_no_repository_says_what_it_is()
    {
        File.WriteAllText(_directory.At("file"), "");

        Assert.Equal(StorageError.Missing, await ErrorOfAsync(() => Repository.ProbeAsync(_files, _directory.At("absent"))));
        Assert.Equal(StorageError.NotARepository, await ErrorOfAsync(() => Repository.ProbeAsync(_files, _directory.At("file"))));
        Assert.Equal(StorageError.NotARepository, await ErrorOfAsync(() => Repository.ProbeAsync(_files, _directory.Path)));
        Assert.Equal(StorageError.NotARepository, await ErrorOfAsync(() => CreateAsync(_directory.At("file"))));
        Assert.Equal(StorageError.Invalid, await ErrorOfAsync(() => CreateAsync("s3:bucket")));
    }

    [Theory]
    [InlineData(FileError.PermissionDenied, StorageError.PermissionDenied)]
    [InlineData(FileError.ReadOnly, StorageError.PermissionDenied)]
    [InlineData(FileError.NoSpace, StorageError.NoSpace)]
    [InlineData(FileError.InputOutput, StorageError.InputOutput)]
    public async Task A_directory_that_cannot_be_made_says_why(FileError error, StorageError expected)
    {
        _files.Fault = (o, _) => o == "mkdir" ? error : null;

        Assert.Equal(expected, await ErrorOfAsync(() => CreateAsync(_directory.At("new"))));
    }

    [Fact]
    public async Task A_damaged_manifest_is_damage_and_not_an_empty_repository()
    {
        await CreateAsync(_directory.At("r"));
        var path = _directory.At("r", RepositoryManifest.Key);
        var good = File.ReadAllBytes(path);

        File.WriteAllBytes(path, Damage.FlipBit(good, 300));
        Assert.Equal(StorageError.Damaged, await ErrorOfAsync(() => Repository.ProbeAsync(_files, _directory.At("r"))));
        File.WriteAllBytes(path, []);
        Assert.Equal(StorageError.Damaged, await ErrorOfAsync(() => Repository.ProbeAsync(_files, _directory.At("r"))));
        Assert.Equal(StorageError.Exists, await ErrorOfAsync(() => CreateAsync(_directory.At("r"))));
    }

    public void Dispose() => _directory.Dispose();

    private static async Task<StorageError> ErrorOfAsync(Func<Task> call) => (await Assert.ThrowsAsync<StorageException>(call)).Error;

    private Task<string> CreateAsync(string url) => Repository.CreateAsync(_files, url, new ImmediateClock());
}
