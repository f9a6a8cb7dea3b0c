using ActorBackup.Actors.Disks;
using ActorBackup.Actors.Persistence;
using ActorBackup.Core.Identity;

namespace ActorBackup.Actors.Tests.Persistence;

public sealed class ExportRegisterTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("abk-exports-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void It_remembers_what_was_recorded_last_of_each_disk()
    {
        var register = new ExportRegister(new JournalDatabase(Path.Combine(_directory, "journal.db")));
        register.Initialize();
        register.Initialize();
        var (a, b, c) = (new DiskId("a"), new DiskId("b"), new DiskId("c"));
        register.Record(a, new DiskExport(true, [new ExportedBitmap("old", 1)]));
        register.Record(a, new DiskExport(true, [new ExportedBitmap("täglich", ulong.MaxValue), new ExportedBitmap("weekly", 3)]));
        register.Record(b, new DiskExport(false, []));
        register.Record(c, new DiskExport(false, []));
        register.Record(c, DiskExport.Plain);

        var all = new ExportRegister(new JournalDatabase(Path.Combine(_directory, "journal.db"))).ReadAll();
        Assert.Equal([a, b], all.Keys.OrderBy(d => d.Value));
        Assert.True(all[a].IsSameAs(new DiskExport(true, [new ExportedBitmap("weekly", 3), new ExportedBitmap("täglich", ulong.MaxValue)])));
        Assert.True(all[b].IsSameAs(new DiskExport(false, [])));
    }
}
