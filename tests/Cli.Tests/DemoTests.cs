using ActorBackup.Cli.Demo;

namespace ActorBackup.Cli.Tests;

/// <summary>The demo's proofs must be able to fail.</summary>
public sealed class DemoTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("abk-proof-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Theory]
    [InlineData(0)]
    [InlineData(4 << 20)]
    [InlineData((4 << 20) + 17)]
    public void A_comparison_finds_the_byte_that_differs(int offset)
    {
        var content = new byte[(4 << 20) + 18];
        new Random(1).NextBytes(content);
        var a = Write("a", content);
        Assert.Equal(-1, FileProof.FirstDifference(a, Write("b", content), CancellationToken.None));
        content[offset] ^= 1;
        Assert.Equal(offset, FileProof.FirstDifference(a, Write("c", content), CancellationToken.None));
    }

    [Fact]
    public void A_shorter_file_differs_where_it_ends() =>
        Assert.Equal(3, FileProof.FirstDifference(Write("a", [1, 2, 3]), Write("b", [1, 2, 3, 0]), CancellationToken.None));

    [Fact]
    public void A_write_that_was_lost_is_found()
    {
        var image = Write("a", [0, 1, 2, 3]);
        Assert.True(FileProof.Holds(image, new Dictionary<long, byte[]> { [1] = [1, 2] }));
        Assert.False(FileProof.Holds(image, new Dictionary<long, byte[]> { [1] = [1, 3] }));
    }

    [Fact]
    public void A_broken_repository_cannot_be_written_and_comes_back()
    {
        var repository = Path.Combine(_directory, "repository");
        Directory.CreateDirectory(repository);
        File.WriteAllText(Path.Combine(repository, "pack"), "x");
        using (new BrokenRepository(repository))
        {
            Assert.ThrowsAny<IOException>(() => Directory.CreateDirectory(Path.Combine(repository, "packs")));
            Assert.ThrowsAny<IOException>(() => File.WriteAllText(Path.Combine(repository, "pack2"), "y"));
        }

        Assert.Equal("x", File.ReadAllText(Path.Combine(repository, "pack")));
    }

    [Fact]
    public void The_first_check_that_does_not_hold_ends_the_demo()
    {
        var report = new DemoReport(new StringWriter());
        report.Check(true, "this holds");
        var failure = Assert.Throws<DemoException>(() => report.Check(false, "this does not"));
        Assert.Contains("this does not", failure.Message);
        Assert.Equal(1, report.Held);
    }

    [Fact]
    public async Task A_given_image_becomes_a_disk_of_whole_blocks_with_its_bytes()
    {
        var content = new byte[(16 << 20) + 5];
        new Random(2).NextBytes(content);
        content.AsSpan(1 << 20, 2 << 20).Clear();
        var disk = Path.Combine(_directory, "disk");
        var size = await DemoImage.CreateAsync(disk, Write("given", content), new DemoReport(new StringWriter()), CancellationToken.None);
        Assert.Equal((16 << 20) + (64 << 10), size);
        Assert.Equal(content.Concat(new byte[size - content.Length]), await File.ReadAllBytesAsync(disk));
    }

    [Fact]
    public async Task An_image_without_a_half_way_is_refused() =>
        await Assert.ThrowsAsync<DemoException>(
            () => DemoImage.CreateAsync(
                Path.Combine(_directory, "disk"), Write("given", new byte[4096]), new DemoReport(new StringWriter()), CancellationToken.None));

    private string Write(string name, byte[] content)
    {
        var path = Path.Combine(_directory, name);
        File.WriteAllBytes(path, content);
        return path;
    }
}
