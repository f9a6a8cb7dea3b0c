namespace ActorBackup.Nbd.Tests.Tools;

/// <summary>A test that needs a program; where it is not installed the test is reported as skipped, with what installs it.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class ToolFactAttribute : FactAttribute
{
    public ToolFactAttribute(string tool) => Skip = ExternalTool.ReasonToSkip(tool);
}
