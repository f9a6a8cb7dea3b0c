using ActorBackup.Actors.Disks;
using ActorBackup.Core.Blocks;
using ActorBackup.Nbd.Server;

namespace ActorBackup.Recovery.Tests.Support;

/// <summary>Guests of these tests are the test itself.</summary>
internal sealed class NoExports : IDiskExports
{
    public void Add(string name, string description, IBlockDevice device, IReadOnlyList<IMetaContext> contexts)
    {
    }

    public bool TryOffer(string name, IReadOnlyList<IMetaContext> contexts) => true;

    public void Offer(string name, IReadOnlyList<IMetaContext> contexts)
    {
    }

    public bool TryRemoveIdle(string name) => true;

    public Task RemoveAsync(string name) => Task.CompletedTask;

    public ExportView? Find(string name) => null;
}
