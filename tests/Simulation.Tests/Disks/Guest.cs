using System.Runtime.InteropServices;
using ActorBackup.Core.Blocks;
using ActorBackup.Simulation.Tests.Model;

namespace ActorBackup.Simulation.Tests.Disks;

/// <summary>A guest that writes, zeroes, trims, flushes and reads in a few hot places, and remembers what it was promised.</summary>
internal sealed class Guest(World world, DiskProcess process, IReadOnlyList<long> hotPlaces)
{
    private const int HotBytes = 96 * 1024;

    public async Task RunAsync()
    {
        while (!process.IsStopping)
        {
            await process.PauseAsync();
            try
            {
                await ActAsync();
            }
            catch (BlockDeviceException)
            {
                world.Trace.Add("guest was refused");
            }
        }
    }

    private Task ActAsync() =>
        world.Dice.Below(20) switch
        {
            < 12 => WriteAsync(world.Dice.Chance(0.1)),
            < 14 => ZeroAsync(),
            < 16 => FlushAsync(),
            < 17 => ReadAsync(),
            _ => process.Clock.Delay(TimeSpan.FromMilliseconds(world.Dice.Between(1, 4000))),
        };

    private (long Offset, int Length) DrawRange()
    {
        var unit = world.Dice.Chance(0.85) ? 512 : 1;
        var offset = world.Dice.Pick(hotPlaces) + world.Dice.Between(0, HotBytes / unit) * unit;
        var length = world.Dice.Between(1, world.Dice.Pick([1, 8, 32]) * 512 / unit) * unit;
        offset = Math.Min(offset, world.Geometry.SizeBytes - 1);
        return (offset, (int)Math.Min(length, world.Geometry.SizeBytes - offset));
    }

    private async Task WriteAsync(bool isForced)
    {
        var (offset, length) = DrawRange();
        var data = new byte[length];
        MemoryMarshal.Cast<byte, ulong>(data.AsSpan(0, length / 8 * 8)).Fill(world.Dice.Next());
        data.AsSpan(length / 8 * 8).Fill((byte)world.Dice.Below(256));
        await ChangeAsync(offset, length, isForced, () => process.Disk.WriteAsync(offset, data, isForced, CancellationToken.None));
    }

    private async Task ZeroAsync()
    {
        var (offset, length) = DrawRange();
        var isForced = world.Dice.Chance(0.1);
        await ChangeAsync(offset, length, isForced, () => world.Dice.Chance(0.5)
            ? process.Disk.TrimAsync(offset, length, isForced, CancellationToken.None)
            : process.Disk.WriteZeroesAsync(offset, length, isForced ? ZeroOptions.ForceUnitAccess : ZeroOptions.NoHole, CancellationToken.None));
    }

    private async Task ChangeAsync(long offset, int length, bool isForced, Func<ValueTask> change)
    {
        world.Statistics.Writes++;
        var began = world.History.Tick();
        for (var region = offset / World.RegionBytes; region * World.RegionBytes < offset + length; region++)
        {
            world.TouchedRegions.Add(region);
        }

        world.Trace.Add("guest writes", offset, length);
        world.InFlight.Add((offset, length));
        try
        {
            await change();
        }
        catch (BlockDeviceException)
        {
            // Bits may be set for a part that never reached the backing.
            foreach (var shadow in world.Shadows.Values.Where(s => s.IsRecording || s.IsUnsure))
            {
                shadow.Blur(offset, length);
            }

            throw;
        }
        finally
        {
            world.InFlight.Remove((offset, length));
        }

        world.History.Acknowledged(offset, length, began);
        if (isForced)
        {
            world.History.Flushed(world.History.CoveredBy(offset, length, began));
        }
    }

    private async Task FlushAsync()
    {
        var covered = world.History.BeginFlush();
        world.Trace.Add("guest flushes");
        await process.Disk.FlushAsync(CancellationToken.None);
        world.History.Flushed(covered);
    }

    private async Task ReadAsync()
    {
        var (offset, length) = DrawRange();
        var buffer = new byte[length];
        await process.Disk.ReadAsync(offset, buffer, CancellationToken.None);
        var expected = new byte[length];
        world.Machine.Backing.Read(offset, expected);
        if (!buffer.AsSpan().SequenceEqual(expected))
        {
            world.Report($"a read of {length} bytes at {offset} returned something else than the backing holds");
        }
    }
}
