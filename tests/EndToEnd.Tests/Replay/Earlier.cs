namespace ActorBackup.EndToEnd.Tests.Replay;

/// <summary>What actions before it in the same transaction did to bitmaps.</summary>
internal sealed class Earlier
{
    private readonly HashSet<(int Disk, string Name)> _altered = [];
    private readonly HashSet<(int Disk, string Name)> _used = [];

    /// <summary>Backups so far.</summary>
    public int Backups { get; private set; }

    /// <summary>One of the backups was asked for with <c>always</c>.</summary>
    public bool HasAlways { get; private set; }

    public bool HasAltered(int disk, string name) => _altered.Contains((disk, name));

    /// <summary>Bitmaps of the disk with which every command succeeds.</summary>
    public IReadOnlyList<string> Free(ReplayState state, int disk) =>
        [.. state.Bitmaps[disk].Where(b => !b.IsBusy && !_altered.Contains((disk, b.Name)) && !_used.Contains((disk, b.Name))).Select(b => b.Name)];

    public void Add(ReplayAction.InTransaction action)
    {
        switch (action)
        {
            case ReplayAction.Backup { Bitmap: var bitmap } b:
                Backups++;
                HasAlways |= b.Mode == "always";
                if (bitmap is not null)
                {
                    _used.Add((b.Disk, bitmap));
                }

                break;
            case ReplayAction.Add a:
                _altered.Add((a.Disk, a.Name));
                break;
            case ReplayAction.Clear a:
                _altered.Add((a.Disk, a.Name));
                break;
            case ReplayAction.SetRecording a:
                _altered.Add((a.Disk, a.Name));
                break;
            case ReplayAction.Merge a:
                _altered.Add((a.Disk, a.Target));
                break;
        }
    }
}
