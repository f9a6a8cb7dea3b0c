using ActorBackup.Storage.Objects;

namespace ActorBackup.Storage.Tests.Objects;

public sealed class StoreUrlTests
{
    [Theory]
    [InlineData("/srv/backup", "/srv/backup")]
    [InlineData("file:/srv/backup", "/srv/backup")]
    [InlineData("file:///srv/backup", "/srv/backup")]
    [InlineData("file:/srv/./a/../backup", "/srv/backup")]
    public void A_directory_has_three_spellings(string url, string path) => Assert.Equal(path, StoreUrl.Parse(url).Path);

    [Theory]
    [InlineData("")]
    [InlineData("backup")]
    [InlineData("file:backup")]
    [InlineData("file:")]
    [InlineData("s3:bucket")]
    [InlineData("azblob:container")]
    [InlineData("/a\0b")]
    public void What_is_no_absolute_path_is_refused(string url) =>
        Assert.Equal(StorageError.Invalid, Assert.Throws<StorageException>(() => StoreUrl.Parse(url)).Error);
}
