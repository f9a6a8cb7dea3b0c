using ActorBackup.Storage.Objects;
using ActorBackup.Storage.Tests.Support;

namespace ActorBackup.Storage.Tests.Objects;

/// <summary>The store that other tests stand on keeps the contract, too.</summary>
public sealed class MemoryObjectStoreTests : ObjectStoreContract
{
    protected override IObjectStore Store { get; } = new MemoryObjectStore();
}
