using System.Diagnostics;
using ActorBackup.Files;
using ActorBackup.Volumes.Backings;

namespace ActorBackup.Volumes.Tests.Backings;

/// <summary>Rule 6: QEMU's programs and we refuse each other, whoever comes first.</summary>
public sealed class ImageLockTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("abk-lock-").FullName;

    public ImageLockTests()
    {
        using var file = File.Create(Image);
        file.SetLength(1024 * 1024);
    }

    private string Image => Path.Combine(_directory, "disk.raw");

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [ProgramFact("qemu-io")]
    public async Task Rule_6_qemu_io_cannot_write_to_a_file_that_we_hold()
    {
        using (Open())
        {
            await QemuIoIsRefusedAsync("-f", "raw", "-c", "write 0 4k", Image);
        }

        await Program.SucceedAsync("qemu-io", "-f", "raw", "-c", "write 0 4k", Image);
    }

    [ProgramFact("qemu-io")]
    public async Task Rule_6_we_cannot_open_a_file_that_qemu_io_writes_to()
    {
        using var qemu = Program.Start("qemu-io", "-f", "raw", Image);
        await UntilLockedAsync(qemu);

        AssertInUse(readOnly: false);
        AssertInUse(readOnly: true);
        await EndAsync(qemu);
        Open().Dispose();
    }

    [ProgramFact("qemu-nbd", "nbdinfo")]
    public async Task Rule_6_qemu_nbd_and_we_exclude_each_other_in_both_orders()
    {
        var socket = Path.Combine(_directory, "s");
        using (Open())
        {
            var (exitCode, printed) = await Program.RunAsync("qemu-nbd", "-f", "raw", "-k", socket, Image);
            Assert.NotEqual(0, exitCode);
            Assert.Contains("lock", printed, StringComparison.Ordinal);
        }

        using var qemu = Program.Start("qemu-nbd", "-t", "-f", "raw", "-k", socket, Image);
        await UntilLockedAsync(qemu);
        AssertInUse(readOnly: false);
        await EndAsync(qemu);
        Open().Dispose();
    }

    [ProgramFact("qemu-io", "qemu-nbd")]
    public async Task Rule_6_readers_share_and_writers_stay_out()
    {
        using (Open(readOnly: true))
        {
            using var second = Open(readOnly: true);
            await Program.SucceedAsync("qemu-io", "-r", "-f", "raw", "-c", "read 0 4k", Image);
            await QemuIoIsRefusedAsync("-f", "raw", "-c", "write 0 4k", Image);
            AssertInUse(readOnly: false);
        }

        using var qemu = Program.Start("qemu-nbd", "-r", "-t", "-f", "raw", "-k", Path.Combine(_directory, "s"), Image);
        await UntilLockedAsync(qemu);
        Open(readOnly: true).Dispose();
        AssertInUse(readOnly: false);
        await EndAsync(qemu);
    }

    [Fact]
    public void Rule_6_one_file_under_two_names_is_one_file()
    {
        var (soft, hard) = (Path.Combine(_directory, "soft"), Path.Combine(_directory, "hard"));
        File.CreateSymbolicLink(soft, Image);
        LinuxFileLayer.Instance.Link(Image, hard);
        using var first = Open();

        AssertInUse(readOnly: false, soft);
        AssertInUse(readOnly: true, hard);
    }

    private static async Task EndAsync(Process qemu)
    {
        qemu.Kill();
        await qemu.WaitForExitAsync();
    }

    private FileBacking Open(bool readOnly = false) => FileBacking.Open(LinuxFileLayer.Instance, Image, readOnly);

    private void AssertInUse(bool readOnly, string? path = null)
    {
        var refusal = Assert.Throws<VolumeException>(() => FileBacking.Open(LinuxFileLayer.Instance, path ?? Image, readOnly));
        Assert.Equal(VolumeError.InUse, refusal.Error);
        Assert.Contains("in use", refusal.Message, StringComparison.Ordinal);
    }

    private static async Task QemuIoIsRefusedAsync(params string[] arguments)
    {
        var (exitCode, printed) = await Program.RunAsync("qemu-io", arguments);
        Assert.NotEqual(0, exitCode);
        Assert.Contains("Failed to get", printed, StringComparison.Ordinal);
    }

    /// <summary>The program has the image open when it holds its lock on reading.</summary>
    private async Task UntilLockedAsync(Process qemu)
    {
        using var probe = LinuxFileLayer.Instance.Open(Image, FileOpening.ReadOnly);
        while (!probe.IsLockedElsewhere(100))
        {
            Assert.False(qemu.HasExited, "The program ended by itself.");
            await Task.Delay(10);
        }
    }
}
