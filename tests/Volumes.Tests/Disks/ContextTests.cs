using ActorBackup.Core.Blocks;
using ActorBackup.Nbd.Server;
using ActorBackup.Volumes.Tests.Support;

namespace ActorBackup.Volumes.Tests.Disks;

/// <summary>A bitmap as NBD clients read it.</summary>
public sealed class ContextTests : IDisposable
{
    private const ulong Set = 7;

    private readonly DiskWorld _world = new();

    public void Dispose() => _world.Dispose();

    [Fact]
    public void Clients_see_what_guests_write_also_while_commands_run()
    {
        var disk = _world.Open();
        _world.Run(disk.AddBitmapAsync(Set, 4096, recording: true, transient: false));
        var context = disk.ContextOf(Set, "b")!;
        Assert.Equal("qemu:dirty-bitmap:b", context.Name);
        Assert.Equal(context, disk.ContextOf(Set, "b"));
        Assert.NotEqual(context, disk.ContextOf(Set, "c"));

        // Nothing of this command has run yet, and nothing of it is waited for.
        var adding = disk.AddBitmapAsync(8, 4096, recording: true, transient: false);
        Assert.Equal([(_world.SizeBytes, 0u)], RunsOf(context));
        _world.Run(adding);
        _world.Write(disk, 8192, new byte[4097]);

        Assert.Equal([(8192L, 0u), (8192L, 1u), (_world.SizeBytes - 16384, 0u)], RunsOf(context));
    }

    [Fact]
    public void A_bitmap_that_is_gone_or_not_trusted_tells_nothing()
    {
        var disk = _world.Open();
        Assert.Null(disk.ContextOf(Set, "b"));
        _world.Run(disk.AddBitmapAsync(Set, 4096, recording: true, transient: false));
        var context = disk.ContextOf(Set, "b")!;
        _world.Run(disk.RemoveBitmapAsync(Set));

        Assert.Null(disk.ContextOf(Set, "b"));
        Assert.Throws<BlockDeviceException>(() => RunsOf(context));
    }

    private List<(long, uint)> RunsOf(IMetaContext context)
    {
        var runs = new StatusRun[16];
        var task = context.QueryAsync(0, _world.SizeBytes, runs, CancellationToken.None);
        Assert.True(task.IsCompleted);
        return [.. runs[..task.GetAwaiter().GetResult()].Select(r => (r.Length, r.Flags))];
    }
}
