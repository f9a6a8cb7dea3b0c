namespace ActorBackup.Simulation.Tests.Machines;

/// <summary>Unwinds the stack of a process that is no more. No shipped code knows it, so none handles it.</summary>
internal sealed class ProcessDied : Exception
{
    public ProcessDied()
        : base("The simulated process died.")
    {
    }
}
