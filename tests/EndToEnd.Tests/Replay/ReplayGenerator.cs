using ActorBackup.EndToEnd.Tests.Support;

namespace ActorBackup.EndToEnd.Tests.Replay;

/// <summary>Chooses what is done next, at random, but nothing for which a difference is known and wanted (docs/SEMANTICS.md), or that breaks QEMU 7.2.</summary>
internal sealed class ReplayGenerator(int seed, string prefix, IReadOnlyList<ReplayDisk> disks)
{
    /// <summary>So many bitmaps come first.</summary>
    private const int BitmapsFirst = 5;

    private readonly Random _random = new(seed);
    private readonly TransactionGenerator _transactions = new(new Random(~seed), new BackupGenerator(new Random(seed + 1), prefix, disks.Count), disks.Count);
    private readonly BitmapActionGenerator _bitmaps = new(new Random(seed + 2), disks.Count);
    private readonly BackupGenerator _backups = new(new Random(seed + 3), $"{prefix}x", disks.Count);
    private int _added;

    public ReplayAction Next(ReplayState state)
    {
        if (_added < BitmapsFirst)
        {
            return _bitmaps.AddGood(_added++ % disks.Count);
        }

        while (true)
        {
            switch (_random.Next(20))
            {
                case < 5:
                    return GuestAction(state);
                case < 11:
                    return _bitmaps.Next(state);
                case 11:
                    return _bitmaps.Remove(state);
                case < 16:
                    return _backups.Next(state, new Earlier());
                case 16 or 17:
                    return _transactions.Next(state);
                default:
                    if (state.Pending.Count > 0)
                    {
                        return End(state);
                    }

                    break;
            }
        }
    }

    /// <summary>Of any job that is pending.</summary>
    public ReplayAction.End End(ReplayState state) => new(state.Pending[_random.Next(state.Pending.Count)].Backup.Job, _random.Next(2) == 0);

    private ReplayAction GuestAction(ReplayState state)
    {
        var disk = _random.Next(disks.Count);
        var (offset, length) = Range(disks[disk].SizeBytes);
        return _random.Next(10) switch
        {
            < 7 => new ReplayAction.Write(disk, offset, length, _random.Next()),

            // Listed: QEMU drops discards while a job is there, ours are tracked as writes.
            7 when !state.HasJob(disk) => new ReplayAction.Discard(disk, offset, length),
            _ => new ReplayAction.Zero(disk, offset, length),
        };
    }

    /// <summary>From one byte to several blocks, aligned to nothing or to sectors or blocks, sometimes up to the end.</summary>
    private (long Offset, int Length) Range(long size)
    {
        var unit = _random.Next(3) switch { 0 => 1, 1 => 512, _ => Image.BlockBytes };
        var length = Math.Min(size, unit * (1L + _random.Next(unit == Image.BlockBytes ? 3 : unit == 512 ? 200 : 70000)));
        var offset = _random.Next(5) == 0 ? size - length : _random.NextInt64((size - length) / unit + 1) * unit;
        return (offset, (int)length);
    }
}
