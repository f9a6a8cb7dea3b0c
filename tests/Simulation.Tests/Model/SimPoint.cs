using ActorBackup.Core.Identity;

namespace ActorBackup.Simulation.Tests.Model;

/// <summary>A recovery point as the model has it.</summary>
/// <param name="Id">Of the point and its job.</param>
/// <param name="Tree">Its content.</param>
/// <param name="Missing">Blocks that it does not have.</param>
internal sealed record SimPoint(PointId Id, SimTree Tree, IReadOnlySet<long> Missing)
{
    /// <summary>Its job did not succeed.</summary>
    public bool IsAborted { get; init; }

    public bool IsComplete => Missing.Count == 0 && !IsAborted;
}
