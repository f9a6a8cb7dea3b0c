namespace ActorBackup.EndToEnd.Tests.Hostile;

/// <summary>Skipped, with the reason, where a process may not have so many files open.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class ManyFilesFactAttribute : FactAttribute
{
    public ManyFilesFactAttribute(int files)
    {
        if (ProcessFigures.OpenFilesMax < files)
        {
            Skip = $"a process may have {ProcessFigures.OpenFilesMax} files open here, and this needs {files} ('ulimit -n')";
        }
    }
}
