namespace ActorBackup.Core.Identity;

/// <summary>A job's id: a <see cref="SortableId"/>.</summary>
public readonly record struct JobId(string Value)
{
    public override string ToString() => Value;
}
