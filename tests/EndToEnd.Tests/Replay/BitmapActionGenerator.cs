namespace ActorBackup.EndToEnd.Tests.Replay;

/// <summary>Commands for bitmaps, accepted ones and those that are refused.</summary>
internal sealed class BitmapActionGenerator(Random random, int disks)
{
    /// <summary>The last ones are none.</summary>
    private static readonly long?[] Granularities = [null, 512, 4096, 1 << 16, 1 << 18, 1 << 20, 1L << 31, 0, 256, 3000, 1L << 32];

    private const int GoodGranularities = 7;

    public ReplayAction.InTransaction Next(ReplayState state)
    {
        var disk = BitmapNames.ChooseDisk(random, disks);
        var name = BitmapNames.Choose(random, state, disk);
        var isFew = disk < disks && state.Bitmaps[disk].Count < 2;
        return random.Next(isFew ? 40 : 10) switch
        {
            0 => new ReplayAction.Clear(disk, name),
            1 => new ReplayAction.SetRecording(disk, name, false),
            2 or 3 or 4 => new ReplayAction.SetRecording(disk, name, true),
            5 or 6 or 7 => new ReplayAction.Merge(disk, name, [.. Enumerable.Range(0, random.Next(1, 4)).Select(_ => Source(state, disk))]),
            _ => Add(disk),
        };
    }

    public ReplayAction.Remove Remove(ReplayState state)
    {
        var disk = BitmapNames.ChooseDisk(random, disks);
        return new ReplayAction.Remove(disk, BitmapNames.Choose(random, state, disk));
    }

    /// <summary>One that cannot be refused; null = there is no bitmap for it.</summary>
    public ReplayAction.InTransaction? Sure(ReplayState state, Earlier earlier)
    {
        var disk = random.Next(disks);
        var free = earlier.Free(state, disk);
        return free.Count == 0
            ? null
            : random.Next(2) == 0
            ? new ReplayAction.Clear(disk, free[random.Next(free.Count)])
            : new ReplayAction.SetRecording(disk, free[random.Next(free.Count)], random.Next(3) > 0);
    }

    /// <summary>One that is accepted, unless the name is there already.</summary>
    public ReplayAction.Add AddGood(int disk) =>
        new(disk, BitmapNames.Good[random.Next(BitmapNames.Good.Count)], Granularities[random.Next(GoodGranularities)], random.Next(5) == 0);

    private ReplayAction.Add Add(int disk) =>
        new(
            disk,
            random.Next(20) == 0 ? BitmapNames.Bad[random.Next(BitmapNames.Bad.Count)] : BitmapNames.Good[random.Next(BitmapNames.Good.Count)],
            Granularities[random.Next(random.Next(8) == 0 ? Granularities.Length : GoodGranularities)],
            random.Next(5) == 0);

    private (int Disk, string Name) Source(ReplayState state, int target)
    {
        var disk = random.Next(2) == 0 ? target : BitmapNames.ChooseDisk(random, disks);
        return (disk, BitmapNames.Choose(random, state, disk));
    }
}
