namespace ActorBackup.Core.Identity;

/// <summary>A group's id: a <see cref="SortableId"/>.</summary>
public readonly record struct GroupId(string Value)
{
    public override string ToString() => Value;
}
