using ActorBackup.Core.Blocks;

namespace ActorBackup.Storage.Writing;

/// <summary>Hears when blocks of a session can be counted on.</summary>
public interface IBlockObserver
{
    /// <summary>A durable pack holds the block (rule 22). Once per stored block, from any thread; must not block or throw.</summary>
    void Durable(long block, BlockDigest digest);
}
