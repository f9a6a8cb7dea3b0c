using System.Collections.Immutable;
using ActorBackup.Core.Blocks;

namespace ActorBackup.Simulation.Tests.Model;

/// <summary>An image tree of the toy repository: blocks by index; an absent one is zero. The root is a serial number, so equal roots are one tree.</summary>
internal sealed record SimTree(BlockDigest Root, ImmutableDictionary<long, byte[]> Blocks)
{
    public static SimTree Empty { get; } = new(default, ImmutableDictionary<long, byte[]>.Empty);
}
