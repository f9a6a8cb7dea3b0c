using Akka.Configuration;

namespace ActorBackup.Lighthouse;

/// <summary>Settings of the seed: role <c>seed</c>, no sharding, no persistence.</summary>
public static class SeedConfiguration
{
    public static Config Build(SeedOptions options)
    {
        var seeds = string.Join(", ", options.Seeds.Select(s => $"\"akka.tcp://ActorBackup@{s}\""));
        return ConfigurationFactory.ParseString(
            $$"""
            akka {
              loglevel = WARNING
              actor.provider = cluster
              remote.dot-netty.tcp { hostname = "{{options.Host}}", port = {{options.Port}} }
              cluster {
                roles = [seed]
                seed-nodes = [{{seeds}}]
                downing-provider-class = "Akka.Cluster.SBR.SplitBrainResolverProvider, Akka.Cluster"
                split-brain-resolver { active-strategy = keep-majority, stable-after = 10s, keep-majority.role = disk }
              }
            }
            """);
    }
}
