using System.Globalization;
using System.Text.Json;
using ActorBackup.Core.Blocks;
using static ActorBackup.Nbd.Tests.Tools.ExternalTool;

namespace ActorBackup.Nbd.Tests.Tools;

public sealed class QemuTests : RealClientTest
{
    [ToolTheory("qemu-img")]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Qemu_img_converts_compares_and_maps(bool isTcp)
    {
        var image = WriteImage();
        await SucceedAsync("qemu-img", "convert", "-n", "-W", "-m", "16", "-f", "raw", "-O", "raw", image, UriOf(isTcp));
        ExpectDiskIs(image);
        await SucceedAsync("qemu-img", "compare", "-f", "raw", "-F", "raw", image, UriOf(isTcp));
        await SucceedAsync("qemu-img", "convert", "-f", "raw", "-O", "raw", UriOf(isTcp), Files.File("back"));
        ExpectDiskIs(Files.File("back"));

        using var map = JsonDocument.Parse(await SucceedAsync("qemu-img", "map", "-f", "raw", "--output=json", UriOf(isTcp)));
        Assert.Contains(map.RootElement.EnumerateArray(), run => run.GetProperty("zero").GetBoolean() && !run.GetProperty("data").GetBoolean());
        Assert.Contains(map.RootElement.EnumerateArray(), run => run.GetProperty("data").GetBoolean());

        Device.Content[12345] ^= 1;
        var (exitCode, _) = await RunAsync("qemu-img", "compare", "-f", "raw", "-F", "raw", image, UriOf(isTcp));
        Assert.Equal(1, exitCode);
    }

    [ToolFact("qemu-img")]
    public async Task Qemu_img_maps_exactly_what_is_allocated()
    {
        await Device.WriteAsync(65536, new byte[131072], false, default);
        await Device.WriteAsync(SizeBytes - 4096, new byte[4096], false, default);
        using var map = JsonDocument.Parse(await SucceedAsync("qemu-img", "map", "-f", "raw", "--output=json", UriOf(isTcp: false)));
        Assert.Equal(
            [(0, 65536, false), (65536, 131072, true), (196608, SizeBytes - 196608 - 4096, false), (SizeBytes - 4096, 4096, true)],
            map.RootElement.EnumerateArray().Select(r => (r.GetProperty("start").GetInt32(), r.GetProperty("length").GetInt32(), r.GetProperty("data").GetBoolean())));
    }

    [ToolFact("qemu-img")]
    public async Task Qemu_img_keeps_a_format_of_its_own_on_the_disk()
    {
        var image = WriteImage();
        await SucceedAsync("qemu-img", "create", "-f", "qcow2", UriOf(isTcp: false), "4M");
        await SucceedAsync("qemu-img", "convert", "-n", "-f", "raw", "-O", "qcow2", await FirstPartAsync(image), UriOf(isTcp: false));
        await SucceedAsync("qemu-img", "check", "-f", "qcow2", UriOf(isTcp: false));
        await SucceedAsync("qemu-img", "convert", "-f", "qcow2", "-O", "raw", UriOf(isTcp: true), Files.File("back"));
        Assert.True(File.ReadAllBytes(Files.File("back")).AsSpan().SequenceEqual(File.ReadAllBytes(image).AsSpan(0, 4 << 20)));
    }

    [ToolTheory("qemu-img")]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Qemu_img_bench_reads_and_writes_at_depth(bool isTcp)
    {
        Device.Before = static async _ => await Task.Yield();
        await SucceedAsync("qemu-img", "bench", "-f", "raw", "-c", "2000", "-d", "64", "-s", "4k", UriOf(isTcp));
        await SucceedAsync("qemu-img", "bench", "-f", "raw", "-w", "--pattern=0x5a", "-c", "512", "-d", "16", "-s", "16k", "--flush-interval=64", "-t", "none", UriOf(isTcp));
        Assert.False(Device.Content.AsSpan().ContainsAnyExcept((byte)0x5a));
        Assert.InRange(Device.CallsSoFar.Count(c => c == "flush"), 8, 20);
    }

    [ToolTheory("qemu-io")]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Qemu_io_writes_zeroes_discards_and_flushes(bool isTcp)
    {
        var output = await SucceedAsync(
            "qemu-io", "-f", "raw", "-d", "unmap", "-t", "writeback",
            "-c", "write -P 0xab 4096 1M", "-c", "write -f -P 0xcd 100 513", "-c", "write -z 8192 4096", "-c", "write -z -u 16384 4096",
            "-c", "discard 32768 8192", "-c", "flush", "-c", "read -P 0xcd 100 513", "-c", "read -P 0 8192 4096", "-c", "read -P 0 16384 4096",
            "-c", "read -P 0 32768 8192", "-c", "read -P 0xab 40960 4096", "-c", "aio_write -P 0x11 2M 2M", "-c", "aio_write -P 0x22 4M 2M",
            "-c", "aio_flush", "-c", "read -P 0x11 2M 2M", "-c", "read -P 0x22 4M 2M", UriOf(isTcp));
        Assert.DoesNotContain("failed", output, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("error", output, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("flush", Device.Calls);
        Assert.Contains("trim 32768 8192", Device.Calls);
        Assert.Contains($"zero 8192 4096 {ZeroOptions.NoHole}", Device.Calls);
        Assert.Contains("write 100 513 fua", Device.Calls);
        Assert.Equal(0xab, Device.Content[40960]);
    }

    [ToolFact("qemu-io")]
    public async Task Qemu_io_sees_a_wrong_pattern()
    {
        var (_, output) = await RunAsync("qemu-io", "-f", "raw", "-c", "write -P 1 0 4k", "-c", "read -P 2 0 4k", UriOf(isTcp: false));
        Assert.Contains("Pattern verification failed", output, StringComparison.Ordinal);
    }

    [ToolTheory("qemu-io")]
    [InlineData(BlockDeviceError.NoSpace, "No space left on device")]
    [InlineData(BlockDeviceError.InputOutput, "Input/output error")]
    [InlineData(BlockDeviceError.NotPermitted, "Operation not permitted")]
    public async Task Qemu_io_reports_the_errors_of_the_device_and_goes_on(BlockDeviceError error, string expected)
    {
        Device.Before = call => call.StartsWith("write", StringComparison.Ordinal) ? throw new BlockDeviceException(error, "no") : ValueTask.CompletedTask;
        var (_, output) = await RunAsync("qemu-io", "-f", "raw", "-c", "write 0 4096", "-c", "read -P 0 0 4096", UriOf(isTcp: false));
        Assert.Contains(expected, output, StringComparison.Ordinal);
        Assert.Contains(string.Create(CultureInfo.InvariantCulture, $"read {4096}/{4096} bytes at offset 0"), output, StringComparison.Ordinal);
    }

    [ToolFact("qemu-io")]
    public async Task Qemu_io_cannot_write_to_a_read_only_export()
    {
        Server.Add("frozen", new Support.MemoryDevice(SizeBytes, isReadOnly: true));
        var (exitCode, _) = await RunAsync("qemu-io", "-f", "raw", "-c", "write 0 4096", UriOf(isTcp: false, "frozen"));
        Assert.NotEqual(0, exitCode);
        await SucceedAsync("qemu-io", "-r", "-f", "raw", "-c", "read -P 0 0 8M", UriOf(isTcp: false, "frozen"));
    }

    private async Task<string> FirstPartAsync(string image)
    {
        var part = Files.File("part");
        await File.WriteAllBytesAsync(part, File.ReadAllBytes(image)[..(4 << 20)]);
        return part;
    }
}
