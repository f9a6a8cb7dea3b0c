using System.Collections.Immutable;
using ActorBackup.Domain.Disks;
using ActorBackup.Messages.Disks;

namespace ActorBackup.Recovery.Tests.Support;

/// <summary>The events of one disk, as bytes. Only the process whose actor recovered last may add to them.</summary>
internal sealed class JournalStore
{
    private readonly Lock _lock = new();
    private ImmutableList<(string Manifest, byte[] Bytes)> _events = [];
    private Process? _next;
    private Process? _writer;

    public int Count => _events.Count;

    public JournalStore Fork() => new() { _events = _events };

    /// <summary>Whose actor will recover next.</summary>
    public void Announce(Process process)
    {
        lock (_lock)
        {
            _next = process;
        }
    }

    /// <summary>The announced process's actor begins its recovery. Messages of an earlier actor that came before this were refused by then.</summary>
    /// <returns>How many events there are.</returns>
    public int Take()
    {
        lock (_lock)
        {
            _writer = _next;
            return _events.Count;
        }
    }

    public IReadOnlyList<DiskEvent> Events() => [.. _events.Select(e => DiskEventCodec.Decode(e.Manifest, e.Bytes))];

    public DiskState State() => Events().Aggregate(DiskState.Empty, DiskTransitions.Apply);

    /// <summary>All of them or none.</summary>
    /// <exception cref="Exception">The process is dead.</exception>
    public void Append(IReadOnlyList<DiskEvent> events)
    {
        lock (_lock)
        {
            var writer = _writer ?? throw new InvalidOperationException("Nobody has recovered from this journal.");
            writer.Do(
                "D " + string.Join('+', events.Select(e => e.GetType().Name)),
                () => _events = _events.AddRange(events.Select(e => (DiskEventCodec.ManifestOf(e), DiskEventCodec.Encode(e)))));
        }
    }

    /// <summary>The last events were lost: somebody put an older journal back. No process may run.</summary>
    public void Truncate(int count) => _events = _events.RemoveRange(_events.Count - count, count);
}
