using ActorBackup.Core.Identity;

namespace ActorBackup.Messages.Disks;

/// <summary>What a bitmap becomes if the group commits whose actions change it: a set of its own that records from the group's instant, beside the bitmap as it is.</summary>
/// <param name="Name">Of the bitmap.</param>
/// <param name="SetId">In the tracking file, from the instant on.</param>
/// <param name="GranularityBytes">Bytes per bit.</param>
/// <param name="Recording">Whether it records after the group.</param>
/// <param name="Persistent">Outlives the node's process.</param>
/// <param name="Base">What it counts from after the group.</param>
/// <param name="AwaitsBaseOf">A full backup of the same group, whose point becomes its base (rule 14); null = none.</param>
public sealed record BitmapOverlay(
    string Name, ulong SetId, long GranularityBytes, bool Recording, bool Persistent, BitmapBase Base, JobId? AwaitsBaseOf);
