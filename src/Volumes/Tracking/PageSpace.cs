using ActorBackup.Files;

namespace ActorBackup.Volumes.Tracking;

/// <summary>Which pages of the tracking file are in use. For one thread at a time.</summary>
/// <remarks>
/// The file is grown with IFile.Allocate before a set is accepted, to hold everything twice: what the durable catalogue refers to and what the next one
/// will. So a checkpoint of existing sets always finds room, however full the file system is.
/// </remarks>
internal sealed class PageSpace
{
    private readonly IFile _file;
    private bool[] _used;
    private uint _next = TrackingFormat.FirstStorePage;

    public PageSpace(IFile file)
    {
        _file = file;
        _used = new bool[Math.Max(TrackingFormat.FirstStorePage, file.Length / TrackingFormat.PageBytes)];
        Array.Fill(_used, true, 0, (int)TrackingFormat.FirstStorePage);
        UsedCount = TrackingFormat.FirstStorePage;
    }

    public long UsedCount { get; private set; }

    public long Capacity => _used.Length;

    public static int ChainPagesFor(long bytes) => checked((int)((bytes + PageChain.PayloadBytes - 1) / PageChain.PayloadBytes));

    /// <summary>Claims a page that the catalogue refers to. False if it is out of bounds or claimed already: the catalogue is wrong.</summary>
    public bool TryUse(uint page)
    {
        if (page < TrackingFormat.FirstStorePage || page >= _used.Length || _used[page])
        {
            return false;
        }

        _used[page] = true;
        UsedCount++;
        return true;
    }

    /// <summary>Claims all pages that are free, and says which those were.</summary>
    public IReadOnlyList<uint> UseAll() => [.. Enumerable.Range(0, _used.Length).Select(page => (uint)page).Where(TryUse)];

    /// <summary>Takes a free page, growing the file when there is none.</summary>
    /// <exception cref="FileLayerException">The file cannot grow.</exception>
    public uint Take()
    {
        if (UsedCount == _used.Length)
        {
            Grow(_used.Length + (_used.Length / 4) + 1);
        }

        while (_used[_next])
        {
            _next = _next + 1 < _used.Length ? _next + 1 : TrackingFormat.FirstStorePage;
        }

        _used[_next] = true;
        UsedCount++;
        return _next;
    }

    public void Free(uint page)
    {
        if (page >= TrackingFormat.FirstStorePage)
        {
            _used[page] = false;
            UsedCount--;
        }
    }

    /// <summary>Grows the file so that it has room for <paramref name="working"/> pages twice, whatever is in use now.</summary>
    /// <exception cref="FileLayerException">The file cannot grow; nothing has changed.</exception>
    public void Reserve(long working)
    {
        var pages = TrackingFormat.FirstStorePage + working + Math.Max(working, UsedCount - TrackingFormat.FirstStorePage);
        if (pages > _used.Length)
        {
            Grow(pages);
        }
    }

    private void Grow(long pages)
    {
        var from = (long)_used.Length * TrackingFormat.PageBytes;
        _file.Allocate(from, (pages * TrackingFormat.PageBytes) - from);
        Array.Resize(ref _used, checked((int)pages));
    }
}
