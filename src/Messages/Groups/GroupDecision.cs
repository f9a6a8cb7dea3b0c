namespace ActorBackup.Messages.Groups;

/// <summary>What a group's coordinator has decided and every disk of the group carries out. The first one that is persisted stays.</summary>
public enum GroupDecision
{
    /// <summary>The group never began: no trace stays.</summary>
    Undo = 0,

    /// <summary>An individual group has begun: bitmap actions count, and the jobs are on their own.</summary>
    Start = 1,

    /// <summary>Every job of a grouped one has copied everything: points are published, bitmap actions count.</summary>
    Commit = 2,

    /// <summary>A job failed or was cancelled: all end, and each bitmap follows its job's policy.</summary>
    Abort = 3,

    /// <summary>Cancelled by force: all end, and bitmaps are as if the group had never run.</summary>
    Force = 4,
}
