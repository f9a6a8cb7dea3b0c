namespace ActorBackup.Core.Identity;

/// <summary>A recovery point's id: the id of the job that wrote it.</summary>
public readonly record struct PointId(string Value)
{
    public override string ToString() => Value;
}
