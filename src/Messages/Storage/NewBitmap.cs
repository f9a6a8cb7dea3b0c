namespace ActorBackup.Messages.Storage;

/// <summary>The bitmap that a comparison of its disk with a point is to add, with that point as its base.</summary>
/// <param name="Name">Of the new bitmap.</param>
/// <param name="GranularityBytes">Null = the disk's.</param>
/// <param name="Persistent">Outlives the node's process.</param>
public sealed record NewBitmap(string Name, long? GranularityBytes, bool Persistent);
