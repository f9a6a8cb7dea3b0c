using ActorBackup.Files;
using ActorBackup.Volumes.Backings;

namespace ActorBackup.Volumes.Tests.Backings;

/// <summary>A backing that is a block device of the real kernel.</summary>
public sealed class BlockDeviceTests
{
    private const long SizeBytes = (4 * 1024 * 1024) + 512;

    [LoopFact]
    public void A_device_has_its_size_and_no_modification_time_and_keeps_what_is_written()
    {
        using var device = new LoopDevice(SizeBytes);
        using (var backing = Open(device))
        {
            Assert.Equal(SizeBytes, backing.SizeBytes);
            Assert.Null(backing.ModifiedAt);
            Assert.Equal((0, SizeBytes), backing.NextData(0, SizeBytes));
            backing.Write(SizeBytes - 512, [1, 2, 3]);
            backing.Sync();
        }

        var read = new byte[512];
        using var again = Open(device, readOnly: true);
        again.Read(SizeBytes - 512, read);
        Assert.Equal([1, 2, 3, 0], read[..4]);
    }

    [LoopFact]
    public void Punched_and_zeroed_ranges_read_as_zeroes_whatever_their_alignment()
    {
        using var device = new LoopDevice(SizeBytes);
        using var backing = Open(device);
        (long Offset, long Length)[] ranges = [(0, 65536), (512, 512), (4095, 2), (100_000, 70_001), (8192, 4096), (SizeBytes - 700, 700), (1 << 20, 1 << 20)];
        foreach (var zero in new Action<long, long>[] { backing.Punch, backing.Zero })
        {
            var expected = new byte[SizeBytes];
            Array.Fill(expected, (byte)0xAB);
            backing.Write(0, expected);
            foreach (var (offset, length) in ranges)
            {
                zero(offset, length);
                expected.AsSpan((int)offset, (int)length).Clear();
            }

            var read = new byte[SizeBytes];
            backing.Read(0, read);
            Assert.True(expected.AsSpan().SequenceEqual(read));
        }
    }

    [LoopFact]
    public void Punching_gives_the_space_back()
    {
        using var device = new LoopDevice(SizeBytes);
        using var backing = Open(device);
        backing.Write(0, Enumerable.Repeat((byte)1, 4 * 1024 * 1024).ToArray());
        backing.Sync();
        backing.Punch(0, 4 * 1024 * 1024);
        backing.Sync();

        using var image = LinuxFileLayer.Instance.Open(device.Image, FileOpening.ReadOnly);
        Assert.True(image.NextData(0).Start >= 4 * 1024 * 1024, "The loop device's file still has data.");
    }

    [LoopFact("qemu-io")]
    public async Task Rule_6_a_device_is_taken_exclusively()
    {
        using var device = new LoopDevice(SizeBytes);
        using (Open(device))
        {
            Assert.Equal(VolumeError.InUse, Assert.Throws<VolumeException>(() => Open(device)).Error);
            Assert.Equal(VolumeError.InUse, Assert.Throws<VolumeException>(() => Open(device, readOnly: true)).Error);
            Assert.NotEqual(0, (await Program.RunAsync("qemu-io", "-f", "raw", "-c", "write 0 4k", device.Path)).ExitCode);
        }

        Open(device).Dispose();
    }

    private static FileBacking Open(LoopDevice device, bool readOnly = false) => FileBacking.Open(LinuxFileLayer.Instance, device.Path, readOnly);
}
