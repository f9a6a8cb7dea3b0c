namespace ActorBackup.Nbd.Tests.Tools;

/// <summary>Like <see cref="ToolFactAttribute"/>, with rows.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class ToolTheoryAttribute : TheoryAttribute
{
    public ToolTheoryAttribute(string tool) => Skip = ExternalTool.ReasonToSkip(tool);
}
