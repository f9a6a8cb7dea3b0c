namespace ActorBackup.EndToEnd.Tests.Replay;

/// <summary>What is asked of QEMU and of ActorBackup alike. Disks are indices, jobs have keys that the replay chose; everything else is in QEMU's words.</summary>
internal abstract record ReplayAction
{
    /// <summary>Random bytes of this seed, at any offset and of any length.</summary>
    public sealed record Write(int Disk, long Offset, int Length, int Seed) : ReplayAction;

    public sealed record Zero(int Disk, long Offset, int Length) : ReplayAction;

    public sealed record Discard(int Disk, long Offset, int Length) : ReplayAction;

    /// <summary>What may be part of a transaction.</summary>
    public abstract record InTransaction(int Disk) : ReplayAction;

    /// <param name="Granularity">Null = the default.</param>
    public sealed record Add(int Disk, string Name, long? Granularity, bool IsDisabled) : InTransaction(Disk)
    {
        public override string ToString() => $"Add {{ Disk = {Disk}, Name = {Short(Name)}, Granularity = {Granularity}, IsDisabled = {IsDisabled} }}";
    }

    public sealed record Clear(int Disk, string Name) : InTransaction(Disk);

    public sealed record SetRecording(int Disk, string Name, bool IsEnabled) : InTransaction(Disk);

    public sealed record Merge(int Disk, string Target, IReadOnlyList<(int Disk, string Name)> Sources) : InTransaction(Disk)
    {
        public override string ToString() => $"Merge {{ Disk = {Disk}, Target = {Target}, Sources = {string.Join(' ', Sources)} }}";
    }

    /// <param name="Mode"><c>on-success</c>, <c>always</c> or <c>never</c>; null = not given.</param>
    /// <param name="Waits">In pending, for <see cref="End"/>.</param>
    public sealed record Backup(string Job, int Disk, string Sync, string? Bitmap, string? Mode, bool Waits) : InTransaction(Disk);

    public sealed record Remove(int Disk, string Name) : ReplayAction;

    public sealed record Transaction(bool IsGrouped, IReadOnlyList<InTransaction> Actions) : ReplayAction
    {
        public override string ToString() => $"Transaction {(IsGrouped ? "grouped" : "individual")}{string.Concat(Actions.Select(a => $"\n        {a}"))}";
    }

    /// <summary>Finalizes or cancels (not by force) a job that waits in pending.</summary>
    public sealed record End(string Job, bool IsCancelled) : ReplayAction;

    /// <summary>The backups in it.</summary>
    public IEnumerable<Backup> Backups() =>
        this switch
        {
            Backup b => [b],
            Transaction t => t.Actions.OfType<Backup>(),
            _ => [],
        };

    private static string Short(string name) => name.Length > 20 ? $"{name[..8]}… of {name.Length}" : $"'{name}'";
}
