using System.Collections.Immutable;
using ActorBackup.Core.Blocks;

namespace ActorBackup.Simulation.Tests.Model;

/// <summary>An image tree: blocks by index; an absent one is zero. Equal roots are one tree: in the toy repository they are serial numbers.</summary>
internal sealed record SimTree(BlockDigest Root, ImmutableDictionary<long, byte[]> Blocks)
{
    public static SimTree Empty { get; } = new(default, ImmutableDictionary<long, byte[]>.Empty);
}
