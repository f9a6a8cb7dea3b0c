using ActorBackup.Files;

namespace ActorBackup.Volumes.Tracking;

/// <summary>One try to store all sets. Its steps run in order, each once, while no command runs.</summary>
internal sealed class CheckpointAttempt(TrackingFile file, SetTable sets, TrackingHealth health, Func<Superblock, Superblock> amend, TrackingGuards guards)
{
    private readonly List<uint> _taken = [];
    private readonly List<uint> _cataloguePages = [];
    private readonly List<(TrackedSet Set, int Page, StoredPage Stored)> _changes = [];
    private readonly byte[] _buffer = new byte[TrackingFormat.PageBytes];
    private Superblock _superblock = file.Current;
    private long _version;

    /// <summary>Writes the pages that commands changed, and those with bits of the extents in every recording set.</summary>
    public void WritePages(IEnumerable<(long Offset, long Length)> extents) =>
        UndoOnFailure(() =>
        {
            var recording = sets.Stored.Where(s => s.IsRecording).ToList();
            foreach (var (offset, length) in extents)
            {
                recording.ForEach(s => s.MarkPagesDirty(offset, length));
            }

            foreach (var set in sets.Stored)
            {
                for (var page = 0; page < set.Pages.Length; page++)
                {
                    if (set.PageDirty[page])
                    {
                        WritePage(set, page);
                    }
                }
            }
        });

    public void WriteCatalogue() =>
        UndoOnFailure(() =>
        {
            _version = sets.Version;
            var changed = _changes.ToLookup(c => c.Set);
            var bytes = CatalogueCodec.Encode(sets.ToCatalogue(s => NewPages(s, changed[s])));
            for (var left = PageSpace.ChainPagesFor(bytes.Length); left > 0; left--)
            {
                _cataloguePages.Add(Take());
            }

            PageChain.Write(file.File, _cataloguePages, bytes);
            if (guards.SyncBeforeSuperblock)
            {
                health.Sync();
            }

            _superblock = amend(file.Current) with
            {
                Sequence = file.Current.Sequence + 1,
                CataloguePage = _cataloguePages[0],
                CatalogueBytes = bytes.Length,
                CatalogueChecksum = TrackingFormat.Checksum(bytes),
            };
        });

    public void WriteSuperblock()
    {
        try
        {
            file.WriteSuperblock(_superblock);
            if (guards.SyncBeforeForget)
            {
                health.Sync();
            }
        }
        catch (Exception e) when (Failures.IsExpected(e))
        {
            // Whether the slot holds the new superblock is unknown, so nothing that it refers to may be overwritten. The next try writes the same slot.
            file.UncertainPages.AddRange(_taken);
            throw Translate(e);
        }

        Confirm();
    }

    private static StoredPage[] NewPages(TrackedSet set, IEnumerable<(TrackedSet Set, int Page, StoredPage Stored)> changes)
    {
        var pages = (StoredPage[])set.Pages.Clone();
        foreach (var (_, page, stored) in changes)
        {
            pages[page] = stored;
        }

        return pages;
    }

    private static Exception Translate(Exception e) =>
        e is FileLayerException failed
            ? Failures.ToVolume(failed, "A checkpoint of the tracking file failed", "Nothing is lost; it is repeated. Check the device that holds it.")
            : e;

    private void WritePage(TrackedSet set, int page)
    {
        set.ReadPage(page, _buffer);
        if (!_buffer.AsSpan().ContainsAnyExcept((byte)0))
        {
            _changes.Add((set, page, default));
        }
        else if (!_buffer.AsSpan().ContainsAnyExcept(byte.MaxValue))
        {
            _changes.Add((set, page, new StoredPage(TrackingFormat.OnesPage, 0)));
        }
        else
        {
            var number = guards.ShadowPages || set.Pages[page].Number < TrackingFormat.FirstStorePage ? Take() : set.Pages[page].Number;
            file.WritePage(number, _buffer);
            _changes.Add((set, page, new StoredPage(number, TrackingFormat.Checksum(_buffer))));
        }
    }

    private uint Take()
    {
        var page = file.Space.Take();
        _taken.Add(page);
        return page;
    }

    private void UndoOnFailure(Action step)
    {
        try
        {
            step();
        }
        catch (Exception e) when (Failures.IsExpected(e))
        {
            _taken.ForEach(file.Space.Free);
            throw Translate(e);
        }
    }

    /// <summary>The new superblock is durable: what only the old one referred to is free.</summary>
    private void Confirm()
    {
        foreach (var (set, page, stored) in _changes)
        {
            if (guards.ShadowPages || stored.Number != set.Pages[page].Number)
            {
                file.Space.Free(set.Pages[page].Number);
            }

            set.Pages[page] = stored;
            set.PageDirty[page] = false;
        }

        foreach (var dropped in sets.Dropped)
        {
            Array.ForEach(dropped.Pages, p => file.Space.Free(p.Number));
        }

        sets.Dropped.Clear();
        file.CataloguePages.ForEach(file.Space.Free);
        file.UncertainPages.ForEach(file.Space.Free);
        file.UncertainPages.Clear();
        file.CataloguePages.Clear();
        file.CataloguePages.AddRange(_cataloguePages);
        file.Confirm(_superblock);
        sets.MarkStored(_version);
    }
}
