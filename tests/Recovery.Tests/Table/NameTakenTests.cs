using ActorBackup.Actors;
using ActorBackup.Actors.Disks;
using ActorBackup.Actors.Persistence;
using ActorBackup.Core.Blocks;
using ActorBackup.Core.Identity;
using ActorBackup.Files;
using ActorBackup.Messages;
using ActorBackup.Messages.Disks;
using ActorBackup.Nbd.Server;
using ActorBackup.Recovery.Tests.Support;

namespace ActorBackup.Recovery.Tests.Table;

public sealed class NameTakenTests
{
    [Fact]
    public async Task A_disk_whose_name_a_point_was_exported_under_meanwhile_is_refused_and_leaves_nothing()
    {
        using var machine = new Machine();
        await File.WriteAllBytesAsync(machine.RealPath("/disk.img"), new byte[1 << 20]);
        var process = new Process();
        var clock = machine.NextClock();
        var files = new MachineFiles(machine, process, clock.GetUtcNow);
        var database = new JournalDatabase(machine.NextRegisterPath());
        var register = new TrackingRegister(database);
        register.Initialize();
        var exportRegister = new ExportRegister(database);
        exportRegister.Initialize();
        var exports = new PointExport();
        var disks = new LocalDisks(
            files, IoThreads.Instance, clock, register, exportRegister, exports, new TrackingPlace(files, "/tracking"), "host", "/scratch");
        var order = new DiskCommand.AddDisk("/disk.img", 65_536, null, false) { Disk = new DiskId("taken") };

        var refused = await Assert.ThrowsAsync<RefusedException>(() => disks.CreateAsync(order));

        Assert.Equal(RefusalCode.Duplicate, refused.Refusal.Code);
        Assert.Null(disks.Find(order.Disk));
        Assert.Empty(register.ReadAll());
        Assert.Empty(exports.Removed);

        // The backing is free and nothing is beside it, so the same again works as soon as the name is free.
        exports.IsThere = false;
        Assert.Equal(order.Disk, (await disks.CreateAsync(order)).Id);
        await disks.CloseAllAsync();
        process.Die();
    }

    /// <summary>Of a point, under whatever name is asked for.</summary>
    private sealed class PointExport : IDiskExports
    {
        public bool IsThere { get; set; } = true;

        public List<string> Removed { get; } = [];

        public void Add(string name, string description, IBlockDevice device, IReadOnlyList<IMetaContext> contexts)
        {
        }

        public bool TryOffer(string name, IReadOnlyList<IMetaContext> contexts) => true;

        public void Offer(string name, IReadOnlyList<IMetaContext> contexts)
        {
        }

        public bool TryRemoveIdle(string name) => true;

        public Task RemoveAsync(string name)
        {
            if (IsThere)
            {
                Removed.Add(name);
            }

            return Task.CompletedTask;
        }

        public ExportView? Find(string name) => IsThere ? new ExportView("nbd://point", 0) : null;
    }
}
