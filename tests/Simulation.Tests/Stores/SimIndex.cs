using ActorBackup.Core.Blocks;
using ActorBackup.Core.Packs;
using ActorBackup.Simulation.Tests.Machines;
using ActorBackup.Storage;
using ActorBackup.Storage.Index;

namespace ActorBackup.Simulation.Tests.Stores;

/// <summary>An index behind messages, any of which may be lost on its way there or back, like those to the actors that own one.</summary>
internal sealed class SimIndex(IDigestIndex index, double loss, SimProcess process, Dice dice) : IDigestIndex
{
    public ValueTask<DigestAnswer[]> LookUpAsync(string writer, ReadOnlyMemory<BlockDigest> digests, CancellationToken cancellation) =>
        AskAsync(() => index.LookUpAsync(writer, digests, cancellation), cancellation);

    public async ValueTask RecordAsync(string pack, ReadOnlyMemory<PackedBlock> blocks, CancellationToken cancellation) =>
        await AskAsync(
            async () =>
            {
                await index.RecordAsync(pack, blocks, cancellation);
                return true;
            },
            cancellation);

    public async ValueTask AbandonAsync(string writer, ReadOnlyMemory<BlockDigest> digests, CancellationToken cancellation) =>
        await AskAsync(
            async () =>
            {
                await index.AbandonAsync(writer, digests, cancellation);
                return true;
            },
            cancellation);

    public ValueTask<BlockPlace[]> LocateAsync(ReadOnlyMemory<BlockDigest> digests, CancellationToken cancellation) =>
        AskAsync(() => index.LocateAsync(digests, cancellation), cancellation);

    private async ValueTask<T> AskAsync<T>(Func<ValueTask<T>> ask, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        await TravelAsync();
        ThrowIfLost();
        var answer = await ask();
        await TravelAsync();
        ThrowIfLost();
        return answer;
    }

    private async Task TravelAsync()
    {
        if (dice.Chance(0.3))
        {
            await process.Scheduler.Yield();
        }
    }

    private void ThrowIfLost()
    {
        if (dice.Chance(loss))
        {
            throw new StorageException(StorageError.Busy, "the index does not answer (simulated)");
        }
    }
}
