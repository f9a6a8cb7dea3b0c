namespace ActorBackup.Core.Blocks;

/// <summary>Blocks [First, First + Count).</summary>
public readonly record struct BlockRun(long First, long Count)
{
    public long End => First + Count;
}
