using System.Collections.Concurrent;
using System.Collections.Immutable;
using ActorBackup.Messages.Disks;
using Akka.Actor;
using Akka.Actor.Setup;
using Akka.Persistence;
using Akka.Persistence.Journal;

namespace ActorBackup.Recovery.Tests.Support;

/// <summary>Which machine's journal an actor system's plugin writes, by persistence id.</summary>
internal sealed class MemoryJournals : Setup
{
    public ConcurrentDictionary<string, JournalStore> Stores { get; } = new(StringComparer.Ordinal);
}

/// <summary>The journal plugin over <see cref="MemoryJournals"/>. A write of a dead process is refused, and nobody notices.</summary>
public sealed class MachineJournal : AsyncWriteJournal
{
    private readonly MemoryJournals _journals = Context.System.Settings.Setup.Get<MemoryJournals>().Value;

    public override Task ReplayMessagesAsync(
        IActorContext context, string persistenceId, long fromSequenceNr, long toSequenceNr, long max, Action<IPersistentRepresentation> recoveryCallback)
    {
        var number = 0L;
        foreach (var e in _journals.Stores[persistenceId].Events())
        {
            if (++number >= fromSequenceNr && number <= toSequenceNr)
            {
                recoveryCallback(new Persistent(e, number, persistenceId));
            }
        }

        return Task.CompletedTask;
    }

    public override Task<long> ReadHighestSequenceNrAsync(string persistenceId, long fromSequenceNr, CancellationToken cancellationToken) =>
        Task.FromResult((long)_journals.Stores[persistenceId].Take());

    protected override Task<IImmutableList<Exception>> WriteMessagesAsync(IEnumerable<AtomicWrite> messages, CancellationToken cancellationToken)
    {
        var results = ImmutableList<Exception>.Empty;
        foreach (var write in messages)
        {
            try
            {
                var events = ((IImmutableList<IPersistentRepresentation>)write.Payload).Select(p => (DiskEvent)p.Payload).ToArray();
                _journals.Stores[write.PersistenceId].Append(events);
                results = results.Add(null!);
            }
            catch (Exception e)
            {
                results = results.Add(e);
            }
        }

        return Task.FromResult<IImmutableList<Exception>>(results);
    }

    protected override Task DeleteMessagesToAsync(string persistenceId, long toSequenceNr, CancellationToken cancellationToken) => throw new NotSupportedException();
}
