using ActorBackup.Core.Identity;

namespace ActorBackup.Volumes.Tracking;

/// <summary>In a clean tracking file: the job was suspended when the disk was closed, and its scratch file ends with this index (rule 17).</summary>
/// <param name="Job">Which.</param>
/// <param name="IndexOffset">Where the index begins in the scratch file.</param>
/// <param name="IndexBytes">Its length.</param>
/// <param name="IndexChecksum">Of its bytes.</param>
internal sealed record SuspendedNote(JobId Job, long IndexOffset, int IndexBytes, ulong IndexChecksum);
