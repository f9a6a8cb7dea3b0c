using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Jobs;
using CsCheck;

namespace ActorBackup.Core.Tests.Disks;

/// <summary>Random commands, guest writes, failures and late settlements: no bitmap ever claims too little and no point lacks what it promises.</summary>
public sealed class DiskModelTests
{
    private static readonly string[] Names = ["a", "b", "auto.main"];

    private sealed record Step(int Kind, int X, int Y, bool Flag, bool Other)
    {
        public string Name => Names[X % 3];

        public override string ToString() => Kind switch
        {
            <= 5 => $"write {X % DiskModel.Blocks}",
            6 => $"add {Name} recording={Flag || Other}",
            7 => Flag && Other ? $"remove {Name}" : "-",
            8 => Flag && Other ? $"clear {Name}" : "-",
            9 => $"recording {Name} {Flag}",
            10 => $"merge {Name} from {Names[Y % 3]}",
            <= 13 when Order() is var o => $"backup {o.Sync} {o.Bitmap} {o.Policy} fallback={o.FallbackToFull} over-nothing={o.WithoutBase}",
            14 => $"retry {X}",
            <= 17 => $"copy {X}: {Y}",
            18 => $"policy {X} {(BitmapSyncPolicy)(Y % 3)}",
            <= 21 => $"conclude {X} {Outcome} forced={Flag && Other} pair={Other}",
            <= 24 => $"settle {X}",
            _ => Flag && Other ? $"lose {X}" : "-",
        };

        public void Run(DiskModel disk)
        {
            switch (Kind)
            {
                case <= 5: disk.Write(X % DiskModel.Blocks); break;
                case 6: disk.Add(Name, Flag || Other); break;
                case 7 when Flag && Other: disk.Remove(Name); break;
                case 8 when Flag && Other: disk.Clear(Name); break;
                case 9: disk.SetRecording(Name, Flag); break;
                case 10: disk.Merge(Name, Names[Y % 3]); break;
                case >= 11 and <= 13: disk.Backup(Order()); break;
                case 14: disk.Retry(X); break;
                case >= 15 and <= 17: disk.Copy(X, Y); break;
                case 18: disk.ChangePolicy(X, (BitmapSyncPolicy)(Y % 3)); break;
                case >= 19 and <= 21: disk.Conclude(X, Outcome, Flag && Other, Other); break;
                case >= 22 and <= 24: disk.Settle(X); break;
                case 25 when Flag && Other: disk.LosePoint(X); break;
            }
        }

        private JobOutcome Outcome => Flag ? JobOutcome.Success : (JobOutcome)(1 + (Y % 3));

        private Messages.Disks.BackupOrder Order()
        {
            var sync = (SyncMode)(Y % 4);
            var order = sync == SyncMode.Auto
                ? Given.Order(sync)
                : Given.Order(sync, Flag && sync == SyncMode.Full ? null : Name, sync == SyncMode.Incremental || (Flag && sync == SyncMode.Full) ? null : (BitmapSyncPolicy)(X % 3));
            return order with { FallbackToFull = Other, WithoutBase = X % 7 == 0 };
        }
    }

    private static readonly Gen<Step> Steps = Gen.Select(
        Gen.Int[0, 25], Gen.Int[0, 20], Gen.Int[0, 20], Gen.Bool, Gen.Bool, (kind, x, y, flag, other) => new Step(kind, x, y, flag, other));

    [Fact]
    public void No_bitmap_claims_too_little_and_no_point_lacks_a_block() =>
        Steps.List[1, 80].Sample(
            steps =>
            {
                var disk = new DiskModel();
                foreach (var step in steps)
                {
                    step.Run(disk);
                    disk.Check();
                }
            },
            iter: 20_000,
            threads: 1);

    [Fact]
    public void Replaying_the_journals_bytes_gives_the_same_state() =>
        Steps.List[1, 60].Sample(
            steps =>
            {
                var disk = new DiskModel();
                steps.ForEach(s => s.Run(disk));

                Assert.Equivalent(disk.State, disk.Replay(), strict: true);
            },
            iter: 300,
            threads: 1);

    [Fact]
    public void The_random_walks_reach_what_they_are_for()
    {
        var (succeeded, kept, fellBack) = (0, 0, 0);
        Steps.List[40, 80].Sample(
            steps =>
            {
                var disk = new DiskModel();
                steps.ForEach(s => s.Run(disk));
                succeeded += disk.SucceededJobs;
                kept += disk.State.Jobs.Values.Count(j => j.Conclusion?.Remainder == BitmapRemainder.CopyBitmap);
                fellBack += disk.State.Jobs.Values.Count(j => j.Spec.FallbackReason is not null);
            },
            iter: 500,
            threads: 1);

        Assert.True(succeeded > 100 && kept > 20 && fellBack > 50, $"{succeeded} succeeded, {kept} kept their work, {fellBack} fell back");
    }
}
