namespace ActorBackup.Core.Identity;

/// <summary>A node's name for a repository, given by a person: <c>[a-z0-9][a-z0-9._-]{0,62}</c>.</summary>
public readonly record struct RepositoryName(string Value)
{
    public override string ToString() => Value;
}
