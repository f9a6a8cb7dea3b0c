namespace ActorBackup.Simulation.Tests.Machines;

/// <summary>What a test makes of an operation.</summary>
internal enum ScriptedFault
{
    None,

    /// <summary>It fails, and nothing was done.</summary>
    NotDone,

    /// <summary>It fails, although all of it was done.</summary>
    DoneAllTheSame,
}
