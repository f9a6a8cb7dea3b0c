namespace ActorBackup.Simulation.Tests.Model;

/// <summary>The toy repository did not answer.</summary>
internal sealed class RepositoryAway() : Exception("The repository does not answer (simulated).");
