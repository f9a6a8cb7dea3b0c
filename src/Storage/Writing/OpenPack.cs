using ActorBackup.Core.Blocks;
using ActorBackup.Storage.Packs;

namespace ActorBackup.Storage.Writing;

/// <summary>Who waits for a block of a pack. Block -1 = a tree node, of which nobody is told.</summary>
internal readonly record struct Waiter(BlockSession Session, long Block, BlockDigest Digest);

/// <summary>A pack on its way: being filled, then being put. Guarded by the writer's lock, save for <see cref="Done"/>.</summary>
internal sealed class OpenPack(PackBuilder builder)
{
    private readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public PackBuilder Builder { get; } = builder;

    public List<Waiter> Waiters { get; } = [];

    /// <summary>Completes when somebody else begins to wait for the pack, while it is decided whether to try it again; else null.</summary>
    public TaskCompletionSource? Joined { get; set; }

    /// <summary>Completes when the pack is durable, or has failed and its sessions know.</summary>
    public Task Done => _done.Task;

    public void Complete() => _done.SetResult();
}
