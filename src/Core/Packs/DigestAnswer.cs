namespace ActorBackup.Core.Packs;

public enum DigestStatus
{
    /// <summary>Nobody has it: whoever asked is to write it, and it is pending with them from now on.</summary>
    New,

    /// <summary>A durable pack holds it.</summary>
    Durable,

    /// <summary>Somebody is writing it: not durable yet (rule 22).</summary>
    Pending,
}

/// <summary>Writer is whom the digest is pending with; null otherwise.</summary>
public readonly record struct DigestAnswer(DigestStatus Status, string? Writer);
