using ActorBackup.EndToEnd.Tests.Support;

namespace ActorBackup.EndToEnd.Tests.Replay;

/// <summary>A node and a storage daemon of QEMU for all sequences, each of which has disks of its own.</summary>
public sealed class ReplayWorld : IAsyncDisposable
{
    private readonly World _world = new();
    private QemuDaemon? _qemu;

    internal async Task<ReplayRun> StartAsync(int seed)
    {
        if (_qemu is null)
        {
            await _world.StartNodeAsync();
            await _world.CreateRepositoryAsync();
            _qemu = await QemuDaemon.StartAsync(_world.Directory);
        }

        return await ReplayRun.StartAsync(_world, _qemu, seed);
    }

    public async ValueTask DisposeAsync()
    {
        if (_qemu is not null)
        {
            await _qemu.DisposeAsync();
        }

        await _world.DisposeAsync();
    }
}
