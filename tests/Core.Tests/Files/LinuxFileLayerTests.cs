using System.Runtime.Versioning;
using ActorBackup.Files;

namespace ActorBackup.Core.Tests.Files;

/// <summary>The shipped file layer on the real kernel.</summary>
[SupportedOSPlatform("linux")]
public sealed class LinuxFileLayerTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly LinuxFileLayer _files = LinuxFileLayer.Instance;

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void What_was_written_is_read_back_and_survives_closing()
    {
        var data = Bytes(10_000);
        using (var file = _files.Open(_directory["a"], FileOpening.CreateNew))
        {
            file.Write(5, data);
            file.Sync();
            Assert.Equal(10_005, file.Length);
        }

        using var again = _files.Open(_directory["a"], FileOpening.ReadOnly);
        Assert.Equal(_directory["a"], again.Path);
        var buffer = new byte[20_000];
        Assert.Equal(10_000, again.Read(5, buffer));
        Assert.Equal(data, buffer[..10_000]);
        Assert.Equal(0, again.Read(20_000, buffer));
        Assert.True(again.ModifiedAt > DateTimeOffset.UnixEpoch);
    }

    [Fact]
    public void What_is_cached_is_read_without_waiting_and_what_is_not_there_never()
    {
        var data = Bytes(10_000);
        using var file = _files.Open(_directory["a"], FileOpening.CreateNew);
        file.Write(0, data);
        var buffer = new byte[5_000];

        Assert.True(file.TryReadCached(4_000, buffer));
        Assert.Equal(data[4_000..9_000], buffer);
        Assert.False(file.TryReadCached(8_000, buffer));
    }

    [Theory]
    [InlineData(0, 0, 65_536)]
    [InlineData(4_096, 0, 70_001)]
    [InlineData(0, 16, 40_000)]
    [InlineData(17, 0, 40_000)]
    [InlineData(4_096, 0, 100)]
    public void What_is_written_past_the_cache_is_there_for_every_reader(int offset, int start, int length)
    {
        var buffer = new AlignedBuffer(start + length).Span[start..];
        Bytes(length).CopyTo(buffer);
        using var file = _files.Open(_directory["a"], FileOpening.CreateNew);
        file.Write(0, new byte[200_000]);
        file.WriteUncached(offset, buffer);
        file.Sync();

        var read = new byte[length];
        Assert.Equal(length, file.Read(offset, read));
        Assert.True(buffer.SequenceEqual(read));
        Assert.Equal(200_000, file.Length);
    }

    [Theory]
    [InlineData(0, 65_536)]
    [InlineData(1, 60_000)]
    [InlineData(4_095, 12_290)]
    [InlineData(8_192, 12_289)]
    [InlineData(8_193, 8_191)]
    [InlineData(190_000, 10_000)]
    [InlineData(180_001, 50_000)]
    public void What_is_read_past_the_cache_is_what_any_reader_gets(int offset, int length)
    {
        using var file = _files.Open(_directory["a"], FileOpening.CreateNew);
        file.Write(0, Bytes(200_000));
        var expected = new byte[length];
        var count = file.Read(offset, expected);

        foreach (var start in new[] { offset % AlignedBuffer.AlignmentBytes, 3 })
        {
            var buffer = new AlignedBuffer(start + length).Span[start..];
            Assert.Equal(count, file.ReadUncached(offset, buffer));
            Assert.True(expected.AsSpan(0, count).SequenceEqual(buffer[..count]));
        }
    }

    [Fact]
    public void A_file_that_was_opened_to_be_read_is_not_written_past_the_cache_either()
    {
        Create("a", 8_192);
        using var file = _files.Open(_directory["a"], FileOpening.ReadOnly);

        Assert.Throws<FileLayerException>(() => file.WriteUncached(0, new AlignedBuffer(8_192).Span));
    }

    [Fact]
    public void Create_new_refuses_a_file_that_exists_and_leaves_it_alone()
    {
        Create("a", 7);

        AssertFails(FileError.Exists, "a", () => _files.Open(_directory["a"], FileOpening.CreateNew));
        Assert.Equal(7, new FileInfo(_directory["a"]).Length);
    }

    [Theory]
    [InlineData(FileOpening.ReadOnly)]
    [InlineData(FileOpening.ReadWrite)]
    public void A_file_that_is_not_there_is_not_found(FileOpening opening)
    {
        AssertFails(FileError.NotFound, "none", () => _files.Open(_directory["none"], opening));
        AssertFails(FileError.NotFound, "none/below", () => _files.Open(_directory["none/below"], opening));
        Assert.Equal(FileKind.Missing, _files.KindOf(_directory["none"]));
    }

    [Fact]
    public void Nothing_is_created_in_a_directory_that_is_not_there() =>
        AssertFails(FileError.NotFound, "none/new", () => _files.Open(_directory["none/new"], FileOpening.CreateNew));

    [Theory]
    [InlineData(FileOpening.ReadOnly)]
    [InlineData(FileOpening.ReadWrite)]
    public void A_directory_is_no_file(FileOpening opening)
    {
        _files.CreateDirectory(_directory["d"]);

        AssertFails(FileError.IsDirectory, "d", () => _files.Open(_directory["d"], opening));
        AssertFails(FileError.IsDirectory, "d", () => _files.Delete(_directory["d"]));
        Assert.Equal(FileKind.Directory, _files.KindOf(_directory["d"]));
    }

    [Fact]
    public void Kinds_are_told_apart()
    {
        Create("a", 1);

        Assert.Equal(FileKind.File, _files.KindOf(_directory["a"]));
        Assert.Equal(FileKind.Other, _files.KindOf("/dev/null"));
    }

    [BlockDeviceFact]
    public void A_block_device_is_one_also_through_a_link()
    {
        File.CreateSymbolicLink(_directory["link"], BlockDeviceFactAttribute.Device!);

        Assert.Equal(FileKind.BlockDevice, _files.KindOf(BlockDeviceFactAttribute.Device!));
        Assert.Equal(FileKind.BlockDevice, _files.KindOf(_directory["link"]));
    }

    [Fact]
    public void A_link_gives_a_second_name_and_never_takes_one()
    {
        Create("a", 3);
        Create("b", 4);

        _files.Link(_directory["a"], _directory["c"]);
        AssertFails(FileError.Exists, "b", () => _files.Link(_directory["a"], _directory["b"]));
        AssertFails(FileError.NotFound, "d", () => _files.Link(_directory["none"], _directory["d"]));

        Assert.Equal(3, new FileInfo(_directory["c"]).Length);
        Assert.Equal(4, new FileInfo(_directory["b"]).Length);
        _files.Delete(_directory["a"]);
        Assert.Equal(3, new FileInfo(_directory["c"]).Length);
    }

    [Fact]
    public void Of_many_that_link_to_one_name_exactly_one_wins()
    {
        for (var i = 0; i < 8; i++)
        {
            Create($"from{i}", i + 1);
        }

        var won = 0;
        Parallel.For(0, 8, i =>
        {
            try
            {
                _files.Link(_directory[$"from{i}"], _directory["to"]);
                Interlocked.Increment(ref won);
            }
            catch (FileLayerException e) when (e.Error == FileError.Exists)
            {
                // Lost.
            }
        });

        Assert.Equal(1, won);
    }

    [Fact]
    public void Replace_takes_the_place_of_what_is_there()
    {
        Create("a", 3);
        Create("b", 4);

        _files.Replace(_directory["a"], _directory["b"]);

        Assert.Equal(3, new FileInfo(_directory["b"]).Length);
        Assert.Equal(FileKind.Missing, _files.KindOf(_directory["a"]));
        AssertFails(FileError.NotFound, "b", () => _files.Replace(_directory["a"], _directory["b"]));
    }

    [Fact]
    public void Deleting_what_is_not_there_is_no_error()
    {
        Create("a", 1);

        _files.Delete(_directory["a"]);
        _files.Delete(_directory["a"]);

        Assert.Empty(_files.List(_directory.Path));
    }

    [Fact]
    public void A_list_has_full_paths()
    {
        Create("a", 1);
        _files.CreateDirectory(_directory["d"]);
        _files.CreateDirectory(_directory["d"]);

        Assert.Equal([_directory["a"], _directory["d"]], _files.List(_directory.Path).Order(StringComparer.Ordinal));
        AssertFails(FileError.NotFound, "none", () => _files.List(_directory["none"]));
    }

    [Fact]
    public void A_directory_can_be_made_durable_and_one_that_is_not_there_cannot()
    {
        _files.SyncDirectory(_directory.Path);

        AssertFails(FileError.NotFound, "none", () => _files.SyncDirectory(_directory["none"]));
    }

    [Fact]
    public void A_hole_reads_as_zeroes_keeps_the_length_and_is_no_data()
    {
        using var file = Filled("a", 1 << 20);

        file.PunchHole(256 << 10, 512 << 10);

        Assert.Equal(1 << 20, file.Length);
        AssertZero(file, 256 << 10, 512 << 10);
        AssertNotZero(file, (256 << 10) - 1);
        AssertNotZero(file, 768 << 10);
        AssertDataIs(file, [(0, 256 << 10), (768 << 10, 1 << 20)]);
    }

    [Fact]
    public void A_zeroed_range_reads_as_zeroes_and_keeps_the_length()
    {
        using var file = Filled("a", 1 << 20);

        file.ZeroRange(100, 1000);
        file.ZeroRange((1 << 20) - 10, 10);

        Assert.Equal(1 << 20, file.Length);
        AssertZero(file, 100, 1000);
        AssertZero(file, (1 << 20) - 10, 10);
        AssertNotZero(file, 99);
        AssertNotZero(file, 1100);
    }

    [Fact]
    public void A_file_that_is_all_hole_has_no_data()
    {
        using var file = _files.Open(_directory["a"], FileOpening.CreateNew);
        file.SetLength(1 << 20);

        AssertDataIs(file, []);
        Assert.Equal((1L << 20, 1L << 20), file.NextData(5L << 20));
    }

    [Fact]
    public void Data_never_ends_after_the_file()
    {
        using var file = Filled("a", 5000);

        Assert.Equal((0L, 5000L), file.NextData(0));
        Assert.Equal((4999L, 5000L), file.NextData(4999));
    }

    [Fact]
    public void Allocation_grows_the_file_keeps_its_bytes_and_reads_as_zeroes()
    {
        using var file = Filled("a", 4096);

        file.Allocate(0, 1 << 20);

        Assert.Equal(1 << 20, file.Length);
        AssertNotZero(file, 4095);
        AssertZero(file, 4096, (1 << 20) - 4096);
    }

    [Fact]
    public void An_empty_range_is_nothing_to_do()
    {
        using var file = Filled("a", 100);

        file.PunchHole(0, 0);
        file.ZeroRange(0, 0);
        file.Allocate(0, 0);
        file.Write(0, []);

        Assert.Equal(100, file.Length);
        AssertNotZero(file, 0);
    }

    [Fact]
    public void A_full_disk_is_told_from_a_broken_one()
    {
        using var full = _files.Open("/dev/full", FileOpening.ReadWrite);

        AssertFails(FileError.NoSpace, "/dev/full", () => full.Write(0, new byte[512]));
    }

    [Fact]
    public void There_is_free_space_to_speak_of()
    {
        Assert.True(_files.FreeBytes(_directory.Path) > 0);
        AssertFails(FileError.NotFound, "none", () => _files.FreeBytes(_directory["none"]));
    }

    [UnprivilegedFact]
    public void What_we_may_not_open_is_permission_denied()
    {
        Create("a", 1);
        File.SetUnixFileMode(_directory["a"], UnixFileMode.None);

        AssertFails(FileError.PermissionDenied, "a", () => _files.Open(_directory["a"], FileOpening.ReadOnly));
    }

    private void Create(string name, int length)
    {
        using var file = _files.Open(_directory[name], FileOpening.CreateNew);
        file.Write(0, Bytes(length));
    }

    private IFile Filled(string name, int length)
    {
        var file = _files.Open(_directory[name], FileOpening.CreateNew);
        file.Write(0, Bytes(length));
        file.Sync();
        return file;
    }

    /// <summary>No byte is zero.</summary>
    private static byte[] Bytes(int length) => [.. Enumerable.Range(0, length).Select(i => (byte)((i % 255) + 1))];

    private static void AssertZero(IFile file, long offset, int length)
    {
        var buffer = Bytes(length);
        Assert.Equal(length, file.Read(offset, buffer));
        Assert.True(buffer.AsSpan().IndexOfAnyExcept((byte)0) < 0);
    }

    private static void AssertNotZero(IFile file, long offset)
    {
        var buffer = new byte[1];
        Assert.Equal(1, file.Read(offset, buffer));
        Assert.NotEqual(0, buffer[0]);
    }

    /// <summary>Whatever the file system can tell: all data is reported, and what is not reported reads as zero.</summary>
    private static void AssertDataIs(IFile file, (long Start, long End)[] expected)
    {
        var reported = new List<(long Start, long End)>();
        for (var (start, end) = file.NextData(0); start < file.Length; (start, end) = file.NextData(end))
        {
            Assert.True(end > start);
            reported.Add((start, end));
        }

        // A file system without holes reports everything as data; that is allowed, only slow.
        if (reported is not [(0, var all)] || all != file.Length)
        {
            Assert.Equal(expected, reported);
        }
    }

    private static void AssertFails(FileError error, string named, Action action)
    {
        var e = Assert.Throws<FileLayerException>(action);
        Assert.Equal(error, e.Error);
        Assert.Contains(named, e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("\n", e.Message, StringComparison.Ordinal);
    }

    private static void AssertFails(FileError error, string named, Func<object> action) => AssertFails(error, named, () => { _ = action(); });

    private sealed class UnprivilegedFactAttribute : FactAttribute
    {
        public UnprivilegedFactAttribute()
        {
            if (Environment.IsPrivilegedProcess)
            {
                Skip = "root may open everything; run the tests as another user";
            }
        }
    }

    private sealed class BlockDeviceFactAttribute : FactAttribute
    {
        public BlockDeviceFactAttribute()
        {
            if (Device is null)
            {
                Skip = "this machine shows no block device under /dev";
            }
        }

        public static string? Device { get; } = !Directory.Exists("/sys/class/block")
            ? null
            : Directory.GetFileSystemEntries("/sys/class/block").Select(d => "/dev/" + Path.GetFileName(d)).FirstOrDefault(File.Exists);
    }
}
