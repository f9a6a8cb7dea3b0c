namespace ActorBackup.Messages.Groups;

/// <summary>Whether the jobs of a group share their outcome.</summary>
public enum GroupCompletion
{
    /// <summary>They start at one instant; each ends for itself.</summary>
    Individual = 0,

    /// <summary>They start at one instant, and all succeed or none does.</summary>
    Grouped = 1,
}
