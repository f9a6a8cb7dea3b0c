using ActorBackup.Core.Identity;

namespace ActorBackup.Messages.Storage;

/// <summary>The target of a restore or comparison as one text: an absolute path, an NBD URI, or <c>disk:ID</c>.</summary>
public static class JobTarget
{
    private const string DiskPrefix = "disk:";

    public static string Of(DiskId disk) => DiskPrefix + disk;

    /// <summary>Null when the target is no disk.</summary>
    public static DiskId? DiskOf(string? target) =>
        target is not null && target.StartsWith(DiskPrefix, StringComparison.Ordinal) ? new DiskId(target[DiskPrefix.Length..]) : null;
}
