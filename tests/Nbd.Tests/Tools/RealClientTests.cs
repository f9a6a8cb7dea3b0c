using System.Globalization;
using System.Text.Json;
using ActorBackup.Core.Blocks;
using ActorBackup.Nbd.Tests.Support;
using static ActorBackup.Nbd.Tests.Tools.ExternalTool;

namespace ActorBackup.Nbd.Tests.Tools;

public sealed class RealClientTests : IAsyncLifetime
{
    private const int SizeBytes = 8 * 1024 * 1024;

    private readonly TestServer _server = new();
    private readonly TempDirectory _files = new();
    private readonly MemoryDevice _device = new(SizeBytes);

    public Task InitializeAsync()
    {
        _server.Add("disk", _device, "a disk");
        return Task.CompletedTask;
    }

    public async Task DisposeAsync()
    {
        await _server.DisposeAsync();
        _files.Dispose();
        Assert.Empty(_server.Unexpected);
    }

    [ToolFact("nbdinfo")]
    public async Task Nbdinfo_sees_size_flags_contexts_and_block_sizes()
    {
        _server.Add("frozen", new MemoryDevice(4096, isReadOnly: true));

        var export = await InfoAsync("disk");
        Assert.Equal(SizeBytes, export.GetProperty("export-size").GetInt64());
        Assert.Equal("a disk", export.GetProperty("description").GetString());
        Assert.Equal("base:allocation", export.GetProperty("contexts")[0].GetString());
        Assert.False(export.GetProperty("is_read_only").GetBoolean());
        foreach (var ability in (string[])["cache", "df", "fast_zero", "flush", "fua", "multi_conn", "trim", "zero"])
        {
            Assert.True(export.GetProperty($"can_{ability}").GetBoolean(), ability);
        }

        Assert.Equal(1, export.GetProperty("block_size_minimum").GetInt32());
        Assert.Equal(4096, export.GetProperty("block_size_preferred").GetInt32());
        Assert.Equal(32 * 1024 * 1024, export.GetProperty("block_size_maximum").GetInt32());

        var frozen = await InfoAsync("frozen");
        Assert.True(frozen.GetProperty("is_read_only").GetBoolean());
        Assert.False(frozen.GetProperty("can_trim").GetBoolean());
    }

    [ToolFact("nbdinfo")]
    public async Task Nbdinfo_lists_exports_as_they_come_and_go()
    {
        var second = _server.Add("second", new MemoryDevice(4096));
        Assert.Equal(["disk", "second"], await ListAsync());

        _server.Catalog.Remove(second);
        _server.Add("renamed", new MemoryDevice(4096));
        Assert.Equal(["disk", "renamed"], await ListAsync());
    }

    [ToolFact("nbdinfo")]
    public async Task Nbdinfo_maps_holes_and_data()
    {
        await _device.WriteAsync(1 << 20, new byte[65536], false, default);
        using var map = JsonDocument.Parse(await SucceedAsync("nbdinfo", "--json", "--map", _server.UnixUri("disk")));
        var runs = map.RootElement.EnumerateArray().Select(r => (r.GetProperty("offset").GetInt64(), r.GetProperty("length").GetInt64(), r.GetProperty("type").GetInt32()));
        Assert.Equal([(0, 1 << 20, 3), (1 << 20, 65536, 0), ((1 << 20) + 65536, SizeBytes - (1 << 20) - 65536, 3)], runs);
    }

    [ToolFact("nbdcopy")]
    public async Task Nbdcopy_copies_both_ways()
    {
        var image = WriteImage();
        await SucceedAsync("nbdcopy", "--flush", image, _server.TcpUri("disk"));
        Assert.True(_device.Content.AsSpan().SequenceEqual(File.ReadAllBytes(image)));
        Assert.Contains("flush", _device.Calls);

        await SucceedAsync("nbdcopy", _server.UnixUri("disk"), _files.File("back"));
        Assert.True(_device.Content.AsSpan().SequenceEqual(File.ReadAllBytes(_files.File("back"))));
    }

    [ToolFact("qemu-img")]
    public async Task Qemu_img_converts_compares_and_maps()
    {
        var image = WriteImage();
        await SucceedAsync("qemu-img", "convert", "-n", "-f", "raw", "-O", "raw", image, _server.UnixUri("disk"));
        Assert.True(_device.Content.AsSpan().SequenceEqual(File.ReadAllBytes(image)));
        await SucceedAsync("qemu-img", "compare", "-f", "raw", "-F", "raw", image, _server.TcpUri("disk"));
        await SucceedAsync("qemu-img", "convert", "-f", "raw", "-O", "raw", _server.UnixUri("disk"), _files.File("back"));
        Assert.True(_device.Content.AsSpan().SequenceEqual(File.ReadAllBytes(_files.File("back"))));

        using var map = JsonDocument.Parse(await SucceedAsync("qemu-img", "map", "-f", "raw", "--output=json", _server.UnixUri("disk")));
        Assert.Contains(map.RootElement.EnumerateArray(), run => run.GetProperty("zero").GetBoolean() && !run.GetProperty("data").GetBoolean());
        Assert.Contains(map.RootElement.EnumerateArray(), run => run.GetProperty("data").GetBoolean());

        _device.Content[12345] ^= 1;
        var (exitCode, _) = await RunAsync("qemu-img", "compare", "-f", "raw", "-F", "raw", image, _server.UnixUri("disk"));
        Assert.Equal(1, exitCode);
    }

    [ToolFact("qemu-io")]
    public async Task Qemu_io_writes_zeroes_discards_and_flushes()
    {
        var output = await SucceedAsync(
            "qemu-io", "-f", "raw", "-d", "unmap", "-t", "writeback",
            "-c", "write -P 0xab 4096 1M", "-c", "write -f -P 0xcd 100 513", "-c", "write -z 8192 4096", "-c", "write -z -u 16384 4096",
            "-c", "discard 32768 8192", "-c", "flush", "-c", "read -P 0xcd 100 513", "-c", "read -P 0 8192 4096", "-c", "read -P 0 16384 4096",
            "-c", "read -P 0 32768 8192", "-c", "read -P 0xab 40960 4096", "-c", "aio_write -P 0x11 2M 2M", "-c", "aio_write -P 0x22 4M 2M",
            "-c", "aio_flush", "-c", "read -P 0x11 2M 2M", "-c", "read -P 0x22 4M 2M", _server.UnixUri("disk"));
        Assert.DoesNotContain("failed", output, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("error", output, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("flush", _device.Calls);
        Assert.Contains("trim 32768 8192", _device.Calls);
        Assert.Contains($"zero 8192 4096 {ZeroOptions.NoHole}", _device.Calls);
        Assert.Contains("write 100 513 fua", _device.Calls);
        Assert.Equal(0xab, _device.Content[40960]);
    }

    [ToolFact("qemu-io")]
    public async Task Qemu_io_reports_the_errors_of_the_device()
    {
        _device.Before = call => call.StartsWith("write", StringComparison.Ordinal)
            ? throw new BlockDeviceException(BlockDeviceError.NoSpace, "full")
            : ValueTask.CompletedTask;
        var (_, output) = await RunAsync("qemu-io", "-f", "raw", "-c", "write 0 4096", _server.UnixUri("disk"));
        Assert.Contains("No space left on device", output, StringComparison.Ordinal);
    }

    [ToolFact("fio")]
    public Task Fio_verifies_random_writes_at_depth_1() => FioAsync(depth: 1, isAsynchronous: false);

    [ToolFact("fio")]
    public Task Fio_verifies_random_writes_at_depth_16() => FioAsync(depth: 16, isAsynchronous: false);

    [ToolFact("fio")]
    public Task Fio_verifies_random_writes_at_depth_64_with_an_asynchronous_device() => FioAsync(depth: 64, isAsynchronous: true);

    private async Task FioAsync(int depth, bool isAsynchronous)
    {
        _device.Before = isAsynchronous ? async _ => await Task.Yield() : null;
        var output = await SucceedAsync(
            "fio", "--name=verify", "--ioengine=nbd", $"--uri={_server.UnixUri("disk")}", "--rw=randwrite", "--bsrange=4k-256k", "--bs_unaligned=0",
            $"--iodepth={depth.ToString(CultureInfo.InvariantCulture)}", "--size=8M", "--verify=crc32c", "--verify_fatal=1", "--do_verify=1", $"--directory={_files.Path}");
        Assert.Contains("err= 0", output, StringComparison.Ordinal);
        lock (_device.Calls)
        {
            Assert.Contains(_device.Calls, c => c.StartsWith("write", StringComparison.Ordinal));
            Assert.Contains(_device.Calls, c => c.StartsWith("read", StringComparison.Ordinal));
        }
    }

    private string WriteImage()
    {
        var random = new Random(20260101);
        var image = new byte[SizeBytes];
        random.NextBytes(image.AsSpan(0, 3 << 20));
        random.NextBytes(image.AsSpan(6 << 20, 12345));
        File.WriteAllBytes(_files.File("image"), image);
        return _files.File("image");
    }

    private async Task<JsonElement> InfoAsync(string name)
    {
        using var info = JsonDocument.Parse(await SucceedAsync("nbdinfo", "--json", _server.UnixUri(name)));
        return info.RootElement.GetProperty("exports")[0].Clone();
    }

    private async Task<List<string?>> ListAsync()
    {
        using var info = JsonDocument.Parse(await SucceedAsync("nbdinfo", "--json", "--list", _server.UnixUri("")));
        return [.. info.RootElement.GetProperty("exports").EnumerateArray().Select(e => e.GetProperty("export-name").GetString())];
    }
}
