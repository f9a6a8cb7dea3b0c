using ActorBackup.Actors.Cluster;
using ActorBackup.Actors.Persistence;
using ActorBackup.Actors.Serialization;
using ActorBackup.Core.Identity;
using ActorBackup.Messages.Catalog;
using Akka.Actor;
using Akka.Actor.Setup;
using LinqToDB.Data;

namespace ActorBackup.Actors.Tests.Persistence;

public sealed class JournalDatabaseTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("abk-journal-").FullName;

    private string DatabasePath => Path.Combine(_directory, "journal.db");

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void Every_connection_of_the_journal_syncs_each_commit()
    {
        var journal = new JournalDatabase(DatabasePath);
        using var connection = new DataConnection(journal.Options);

        Assert.Equal(2, connection.Execute<int>("PRAGMA synchronous"));
        Assert.Equal("wal", connection.Execute<string>("PRAGMA journal_mode"));
        using var own = journal.Open();
        using var command = own.CreateCommand();
        command.CommandText = "PRAGMA synchronous";
        Assert.Equal(2L, command.ExecuteScalar());
    }

    [Fact]
    public void The_register_remembers_what_was_recorded_last()
    {
        var register = new TrackingRegister(new JournalDatabase(DatabasePath));
        register.Initialize();
        register.Initialize();
        var a = new TrackingRegister.Row(new DiskId("a"), "/x/a", "id1", 1, false, 5, ulong.MaxValue);
        var b = new TrackingRegister.Row(new DiskId("b"), "/x/b", "id2", ulong.MaxValue / 2, true, 0, 0);
        register.Record([a, b]);
        register.Record([a with { Generation = 2 }]);
        register.Remove(new DiskId("none"));

        Assert.Equal([a with { Generation = 2 }, b], new TrackingRegister(new JournalDatabase(DatabasePath)).ReadAll());
        register.Remove(new DiskId("a"));
        Assert.Equal([b], register.ReadAll());
        Assert.Null(register.Find(new DiskId("a")));
    }

    [Fact]
    public async Task Every_persisted_type_goes_through_our_own_serializer()
    {
        var journal = new JournalDatabase(DatabasePath);
        var config = NodeConfiguration.Build(journal.ConnectionString).WithFallback(Akka.Configuration.ConfigurationFactory.Default());
        var system = ActorSystem.Create("types", ActorSystemSetup.Create(BootstrapSetup.Create().WithConfig(config), journal.Setup));
        try
        {
            Assert.NotEmpty(NodeConfiguration.PersistedTypes);
            Assert.All(NodeConfiguration.PersistedTypes, t => Assert.IsType<EventSerializer>(system.Serialization.FindSerializerForType(t)));
            var e = new CatalogEvent.DiskRegistered(new DiskId("d"), "host");
            var serializer = (EventSerializer)system.Serialization.FindSerializerFor(e);
            Assert.Equal(e, serializer.FromBinary(serializer.ToBinary(e), serializer.Manifest(e)));
        }
        finally
        {
            await system.Terminate();
        }
    }
}
