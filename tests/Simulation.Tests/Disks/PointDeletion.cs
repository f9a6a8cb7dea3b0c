using ActorBackup.Core.Blocks;
using ActorBackup.Core.Identity;
using ActorBackup.Messages.Disks;
using ActorBackup.Simulation.Tests.Model;

namespace ActorBackup.Simulation.Tests.Disks;

/// <summary>Deletes a point, and first moves the bitmaps off it that count from it (rule 15).</summary>
internal sealed class PointDeletion(World world, DiskProcess process)
{
    public async Task RunAsync(PointId point)
    {
        var bitmaps = process.State.Bitmaps.Values.Where(b => b.Base.Point == point).ToList();
        if (process.Running.Values.Any(r => r.Spec.Base == point) || bitmaps.Exists(b => b.BusyWith is not null))
        {
            return;
        }

        var going = world.Toy.Find(process.Number, point);
        var survivor = going is null ? null : world.Toy.Points.Values.OfType<SimPoint>().LastOrDefault(p => p.Id != point && p.IsComplete);
        var newBase = survivor is null ? BitmapBase.None : new BitmapBase(BaseState.Valid, survivor.Id, World.RepositoryId);
        var moves = bitmaps.Select(b => new DiskEvent.BitmapBaseChanged(b.Name, newBase)).ToList();
        var differ = survivor is null ? [] : Differ(survivor, going!);
        if (world.Order.BitsBeforeBaseMoves)
        {
            await MarkAsync(bitmaps.Select(b => b.SetId), differ);
            await process.RecordAsync([.. moves, new DiskEvent.PointDeleted(point, World.RepositoryId)]);
        }
        else
        {
            await process.RecordAsync([.. moves, new DiskEvent.PointDeleted(point, World.RepositoryId)]);
            await process.PauseAsync();
            await MarkAsync(bitmaps.Select(b => b.SetId), differ);
        }

        world.Toy.Delete(process.Number, point);
    }

    private async Task MarkAsync(IEnumerable<ulong> sets, IReadOnlyList<Extent> differ)
    {
        foreach (var set in sets)
        {
            await new BitmapCommands(world, process).MarkAsync(set, differ);
        }
    }

    private List<Extent> Differ(SimPoint survivor, SimPoint going)
    {
        var blocks = survivor.Tree.Blocks.Keys.Concat(going.Tree.Blocks.Keys).Distinct()
            .Where(b => !ReferenceEquals(survivor.Tree.Blocks.GetValueOrDefault(b), going.Tree.Blocks.GetValueOrDefault(b)))
            .Concat(going.Missing)
            .Order();
        return [.. blocks.Select(world.Geometry.ExtentOf)];
    }
}
