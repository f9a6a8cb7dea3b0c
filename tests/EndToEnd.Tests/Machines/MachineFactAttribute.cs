namespace ActorBackup.EndToEnd.Tests.Machines;

/// <summary>Skipped, with the reason, where no virtual machine can run.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class MachineFactAttribute : FactAttribute
{
    public MachineFactAttribute()
    {
        Skip = MachineFiles.Missing;
    }
}
