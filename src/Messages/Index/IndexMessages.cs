using ActorBackup.Core.Blocks;
using ActorBackup.Core.Packs;

namespace ActorBackup.Messages.Index;

/// <summary>Asked of the index actor that owns (repository, partition): the sole writer of its part of the digest space.</summary>
public abstract record IndexCommand
{
    private IndexCommand()
    {
    }

    /// <summary>The repository's id.</summary>
    public required string Repository { get; init; }

    /// <summary>Part of the digest space: the top bits of the digest's prefix.</summary>
    public required int Partition { get; init; }

    /// <summary>Which of these digests are new? New ones are pending with the writer from now on.</summary>
    public sealed record LookUp(string Writer, ReadOnlyMemory<BlockDigest> Digests) : IndexCommand;

    /// <summary>The pack is durable: its blocks can be counted on from now on, whoever waits for them.</summary>
    public sealed record Record(string Pack, ReadOnlyMemory<PackedBlock> Blocks) : IndexCommand;

    /// <summary>The writer will not write these after all; all that is pending with it when Digests is empty.</summary>
    public sealed record Abandon(string Writer, ReadOnlyMemory<BlockDigest> Digests) : IndexCommand;

    /// <summary>Where do these digests lie?</summary>
    public sealed record Locate(ReadOnlyMemory<BlockDigest> Digests) : IndexCommand;

    /// <summary>Forget and read the packs' footers again; what is pending stays pending.</summary>
    public sealed record Reload : IndexCommand;
}

public abstract record IndexReply
{
    private IndexReply()
    {
    }

    public sealed record LookedUp(ReadOnlyMemory<DigestAnswer> Answers) : IndexReply;

    public sealed record Located(ReadOnlyMemory<BlockPlace> Places) : IndexReply;

    public sealed record Done : IndexReply;

    public sealed record Rejected(Refusal Refusal) : IndexReply;
}
