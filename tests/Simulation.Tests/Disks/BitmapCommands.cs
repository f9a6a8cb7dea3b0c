using ActorBackup.Core.Blocks;
using ActorBackup.Domain;
using ActorBackup.Domain.Disks;
using ActorBackup.Messages.Disks;
using ActorBackup.Simulation.Tests.Model;
using ActorBackup.Volumes;

namespace ActorBackup.Simulation.Tests.Disks;

/// <summary>Commands about bitmaps, in the order in which the disk's actor uses journal and tracking file.</summary>
internal sealed class BitmapCommands(World world, DiskProcess process)
{
    private static readonly IReadOnlyDictionary<BitmapAddress, Messages.Refusal?> NoForeign = new Dictionary<BitmapAddress, Messages.Refusal?>();

    private TrackedDisk Disk => process.Disk;

    public Task AddAsync(string name, long granularityBytes, bool recording, bool persistent)
    {
        var command = new DiskCommand.AddBitmap(name, granularityBytes, recording, persistent) { Disk = World.DiskId };
        var decision = BitmapDecider.Add(process.State, command);
        return decision.Events.OfType<DiskEvent.BitmapAdded>().FirstOrDefault() is { } added ? GainAsync(decision, () => AddAsync(added)) : Task.CompletedTask;
    }

    public async Task AddAsync(DiskEvent.BitmapAdded added)
    {
        var shadow = new ShadowBitmap(added.SetId, new BlockGeometry(world.Geometry.SizeBytes, added.GranularityBytes)) { IsUnsure = true };
        world.Shadows[added.SetId] = shadow;
        try
        {
            await Disk.AddBitmapAsync(added.SetId, added.GranularityBytes, added.Recording, !added.Persistent);
        }
        catch
        {
            if (world.Machine.IsUp)
            {
                world.Shadows.Remove(added.SetId);
            }

            throw;
        }

        (shadow.IsUnsure, shadow.IsRecording) = (false, added.Recording);
    }

    public Task RemoveAsync(string name) =>
        GiveUpAsync(
            BitmapDecider.Remove(process.State, new DiskCommand.RemoveBitmap(name) { Disk = World.DiskId }),
            name,
            Disk.RemoveBitmapAsync);

    public Task ClearAsync(string name) =>
        GiveUpAsync(
            BitmapDecider.Clear(process.State, new DiskCommand.ClearBitmap(name) { Disk = World.DiskId }),
            name,
            async set =>
            {
                var shadow = world.Shadows[set];
                shadow.BeginClearing();
                var isDone = false;
                try
                {
                    await Disk.ClearAsync(set);
                    isDone = true;
                }
                finally
                {
                    shadow.EndClearing(isDone);
                }
            });

    public Task SetRecordingAsync(string name, bool recording)
    {
        var decision = BitmapDecider.SetRecording(process.State, new DiskCommand.SetBitmapRecording(name, recording) { Disk = World.DiskId });
        return recording
            ? GainAsync(decision, () => SwitchAsync(process.State.Bitmaps[name].SetId, true))
            : GiveUpAsync(decision, name, set => SwitchAsync(set, false));
    }

    public Task MergeAsync(string target, IReadOnlyList<string> sources)
    {
        var command = new DiskCommand.MergeBitmaps(target, [.. sources.Select(s => new BitmapAddress(World.DiskId, s))]) { Disk = World.DiskId };
        return GainAsync(BitmapDecider.Merge(process.State, command, NoForeign), async () =>
        {
            var to = world.Shadows[process.State.Bitmaps[target].SetId];
            var from = sources.Select(s => world.Shadows[process.State.Bitmaps[s].SetId]).ToList();
            var must = from.Select(f => (bool[])f.Must.Clone()).ToList();
            var isDone = false;

            // A process that dies in between does not come back to say what it stored.
            Widen();
            try
            {
                await Disk.MergeAsync(to.SetId, [.. from.Select(f => f.SetId)]);
                isDone = true;
            }
            finally
            {
                Widen();
                for (var i = 0; i < from.Count; i++)
                {
                    to.AddFrom(from[i].Geometry, must[i], isSure: isDone);
                }
            }

            void Widen()
            {
                foreach (var source in from)
                {
                    to.AddFrom(source.Geometry, source.May, isSure: false);
                    to.AddFrom(source.Geometry, source.UnitsOf(world.InFlight.Select(w => new Extent(w.Offset, w.Length))), isSure: false);
                }
            }
        });
    }

    /// <summary>Bits of byte ranges.</summary>
    public async Task MarkAsync(ulong set, IReadOnlyList<Extent> extents)
    {
        foreach (var extent in extents)
        {
            world.Shadows[set].Add(extent, isSure: false);
        }

        await Disk.MarkAsync(set, extents);
        foreach (var extent in extents)
        {
            world.Shadows[set].Add(extent, isSure: true);
        }
    }

    /// <summary>Switches recording on or off in the tracking file.</summary>
    public async Task SwitchAsync(ulong set, bool recording)
    {
        var shadow = world.Shadows[set];
        shadow.IsUnsure = true;
        await Disk.SetRecordingAsync(set, recording);
        (shadow.IsUnsure, shadow.IsRecording) = (false, recording);
    }

    private async Task GainAsync(Decision<DiskEvent> decision, Func<Task> change)
    {
        if (decision.Events.IsEmpty)
        {
            return;
        }

        if (world.Order.BitsBeforeEvent || decision.Events.Any(e => e is DiskEvent.BitmapAdded))
        {
            await change();
            await process.RecordAsync(decision.Events);
        }
        else
        {
            await process.RecordAsync(decision.Events);
            if (decision.Events.OfType<DiskEvent.BitmapRecordingChanged>().FirstOrDefault() is { } changed)
            {
                // The journal promises it from here on.
                world.Shadows[process.State.Bitmaps[changed.Name].SetId].IsRecording = true;
            }

            await process.PauseAsync();
            await change();
        }
    }

    private async Task GiveUpAsync(Decision<DiskEvent> decision, string bitmap, Func<ulong, Task> change)
    {
        if (decision.Events.IsEmpty)
        {
            return;
        }

        var set = process.State.Bitmaps[bitmap].SetId;
        if (world.Order.EventBeforeBitsGo)
        {
            await process.RecordAsync(decision.Events);
            await change(set);
        }
        else
        {
            await change(set);
            await process.RecordAsync(decision.Events);
        }
    }
}
