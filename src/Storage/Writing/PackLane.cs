using ActorBackup.Storage.Packs;

namespace ActorBackup.Storage.Writing;

/// <summary>Packs of one kind: one is being filled, a few are being put. Memory: one pack more than are in flight.</summary>
/// <param name="kind">Of the packs.</param>
/// <param name="inFlight">How many are put at a time.</param>
/// <param name="packBytes">When a pack is full.</param>
internal sealed class PackLane(PackKind kind, int inFlight, int packBytes) : IDisposable
{
    private readonly Stack<PackBuilder> _spare = new();

    /// <summary>One for each pack that may be in flight.</summary>
    public SemaphoreSlim Slots { get; } = new(inFlight);

    /// <summary>Being filled. Guarded by the writer's lock, as all but <see cref="Slots"/>.</summary>
    public OpenPack Open { get; private set; } = new(new PackBuilder(kind, packBytes));

    /// <summary>Starts another pack in place of the open one.</summary>
    public void Replace() => Open = new OpenPack(_spare.TryPop(out var builder) ? builder : new PackBuilder(kind, packBytes));

    public void Return(PackBuilder builder)
    {
        builder.Reset();
        _spare.Push(builder);
    }

    public void Dispose() => Slots.Dispose();
}
