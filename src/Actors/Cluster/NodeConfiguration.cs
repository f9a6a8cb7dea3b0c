using ActorBackup.Actors.Serialization;
using ActorBackup.Messages.Catalog;
using ActorBackup.Messages.Disks;
using ActorBackup.Messages.Groups;
using ActorBackup.Messages.Storage;
using Akka.Cluster.Sharding;
using Akka.Cluster.Tools.Singleton;
using Akka.Configuration;
using Akka.Persistence.Sql;

namespace ActorBackup.Actors.Cluster;

/// <summary>The actor system's settings for a cluster of one on SQLite.</summary>
public static class NodeConfiguration
{
    public const string SystemName = "ActorBackup";

    /// <summary>Every concrete type that is persisted. One that is missing here fails a test, and at run time the fallback binding.</summary>
    public static IReadOnlyList<Type> PersistedTypes { get; } =
        [.. new[] { typeof(DiskEvent), typeof(CatalogEvent), typeof(StorageEvent), typeof(GroupEvent) }.SelectMany(t => t.GetNestedTypes())];

    public static Config Build(string connectionString)
    {
        var serializer = $"{typeof(EventSerializer).FullName}, {typeof(EventSerializer).Assembly.GetName().Name}";
        var bindings = string.Join('\n', PersistedTypes.Select(t => $"\"{t.FullName}, {t.Assembly.GetName().Name}\" = wire"));
        return ConfigurationFactory.ParseString(
            $$"""
            akka {
              loglevel = WARNING
              stdout-loglevel = OFF
              loggers = ["{{typeof(StandardErrorLogger).FullName}}, {{typeof(StandardErrorLogger).Assembly.GetName().Name}}"]
              actor {
                provider = cluster
                serializers { wire = "{{serializer}}" }
                serialization-identifiers { "{{serializer}}" = {{EventSerializer.PermanentId}} }
                serialization-bindings { {{bindings}} }
              }
              remote.dot-netty.tcp { hostname = "127.0.0.1", port = 0 }
              cluster {
                roles = [disk]
                downing-provider-class = "Akka.Cluster.SBR.SplitBrainResolverProvider, Akka.Cluster"
                split-brain-resolver { active-strategy = keep-majority, stable-after = 10s }
                gossip-interval = 300ms, leader-actions-interval = 300ms
                min-nr-of-members = 1
                run-coordinated-shutdown-when-down = on
                sharding {
                  role = disk
                  retry-interval = 200ms
                  state-store-mode = ddata
                  remember-entities = off
                  passivate-idle-entity-after = off
                  distributed-data.durable.keys = []
                }
              }
              coordinated-shutdown {
                exit-clr = off
                # The node decides when actors stop: its jobs are suspended before.
                run-by-clr-shutdown-hook = off
                phases.cluster-sharding-shutdown-region.timeout = 5s
                phases.cluster-exiting.timeout = 5s
              }
              persistence {
                max-concurrent-recoveries = 50
                journal {
                  plugin = "akka.persistence.journal.sql"
                  sql {
                    class = "Akka.Persistence.Sql.Journal.SqlWriteJournal, Akka.Persistence.Sql"
                    plugin-dispatcher = "akka.persistence.dispatchers.default-plugin-dispatcher"
                    connection-string = "{{connectionString}}"
                    provider-name = "SQLite.MS"
                    auto-initialize = on
                  }
                }
                snapshot-store {
                  plugin = "akka.persistence.snapshot-store.sql"
                  sql {
                    class = "Akka.Persistence.Sql.Snapshot.SqlSnapshotStore, Akka.Persistence.Sql"
                    plugin-dispatcher = "akka.persistence.dispatchers.default-plugin-dispatcher"
                    connection-string = "{{connectionString}}"
                    provider-name = "SQLite.MS"
                    auto-initialize = on
                  }
                }
              }
            }
            """)
            .WithFallback(SqlPersistence.DefaultConfiguration)
            .WithFallback(ClusterSharding.DefaultConfig())
            .WithFallback(ClusterSingleton.DefaultConfig());
    }
}
