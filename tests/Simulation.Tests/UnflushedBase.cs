using ActorBackup.Simulation.Tests.Machines;
using ActorBackup.Volumes;
using ActorBackup.Volumes.Tracking;

namespace ActorBackup.Simulation.Tests;

/// <summary>A guest's first block, which nobody has flushed, becomes part of a base from which set 1 counts; then the power fails (rule 3).</summary>
/// <param name="sizeBytes">Of the disk.</param>
/// <param name="later">Where a block is written that the base does not have.</param>
/// <param name="makeBase">Makes set 1 count from the base, and writes the later block of these bytes meanwhile.</param>
internal sealed class UnflushedBase(long sizeBytes, long later, Func<TrackedDisk, byte[], Task> makeBase)
{
    private const int BlockBytes = 65536;
    private const int Seeds = 20;

    /// <summary>Of some seeds the first that breaks a promise, and which; null = none does.</summary>
    public string? FindViolation(TrackingGuards guards) =>
        SimThread.Run(() => Enumerable.Range(1, Seeds).Select(seed => Run(guards, (ulong)seed)).FirstOrDefault(v => v is not null));

    private string? Run(TrackingGuards guards, ulong seed)
    {
        var machine = BareDisk.Create(seed, sizeBytes, BlockBytes);
        var written = Enumerable.Repeat((byte)1, BlockBytes).ToArray();
        BareDisk.Live(machine, guards, null, async disk =>
        {
            await disk.WriteAsync(0, written, false, CancellationToken.None);
            await makeBase(disk, written);
        });
        machine.LosePower();
        string? violation = null;
        BareDisk.Live(machine, guards, null, async disk =>
        {
            var found = new byte[BlockBytes];
            await disk.ReadAsync(0, found, CancellationToken.None);
            var dirty = disk.Extents(1);
            violation = !disk.BitmapSets.Contains(1UL) ? "there is no bitmap"
                : !dirty.Any(e => e.Offset <= later && e.End >= later + BlockBytes) ? "what was written later is clean"
                : !found.AsSpan().SequenceEqual(written) && !dirty.Any(e => e.Offset == 0) ? "block 0 is clean and not what the base has"
                : null;
        });
        return violation is null ? null : $"seed {seed}: {violation}";
    }
}
