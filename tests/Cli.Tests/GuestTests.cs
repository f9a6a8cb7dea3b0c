using ActorBackup.Cli.Demo;
using ActorBackup.Core.Blocks;
using ActorBackup.Nbd.Server;

namespace ActorBackup.Cli.Tests;

/// <summary>The demo's guest against the real NBD server: what it says it wrote must be what it wrote.</summary>
public sealed class GuestTests : IAsyncLifetime
{
    private const long SizeBytes = 16 << 20;

    private readonly string _directory = Directory.CreateTempSubdirectory("abk-guest-").FullName;
    private readonly FileDevice _device;
    private readonly NbdServer _server;

    public GuestTests()
    {
        _device = new FileDevice(ImagePath, SizeBytes);
        var exports = new ExportCatalog();
        Assert.True(exports.TryAdd(new NbdExport("vm", _device)));
        _server = new NbdServer(exports, new NbdServerOptions { UnixSocketPath = Path.Combine(_directory, "s") });
        _server.Start();
    }

    private string ImagePath => Path.Combine(_directory, "vm.raw");

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        await _server.DisposeAsync();
        _device.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    [Fact]
    public async Task It_touches_exactly_the_blocks_it_says()
    {
        var geometry = new BlockGeometry(SizeBytes, Granularity.DefaultBytes);
        await using var guest = await ConnectAsync(geometry);
        var touched = await guest.WriteAsync(20, 100 * 1024, new Extent(SizeBytes / 2, SizeBytes / 2), CancellationToken.None);
        var image = await File.ReadAllBytesAsync(ImagePath);
        for (long block = 0; block < geometry.BlockCount; block++)
        {
            var isWritten = image.AsSpan((int)geometry.OffsetOf(block), (int)geometry.BlockBytes).ContainsAnyExcept((byte)0);
            Assert.Equal(isWritten, touched[block]);
        }
    }

    [Fact]
    public async Task What_was_acknowledged_when_the_connection_breaks_is_there()
    {
        var broken = new TaskCompletionSource();
        _device.Written = count =>
        {
            if (count == 30)
            {
                broken.SetResult();
            }
        };
        await using var guest = await ConnectAsync(new BlockGeometry(SizeBytes, Granularity.DefaultBytes));
        var writing = guest.WriteUntilBrokenAsync(new Extent(0, SizeBytes), CancellationToken.None);
        await broken.Task;
        await _server.DisposeAsync();
        var acknowledged = await writing;
        Assert.InRange(acknowledged.Count, 20, int.MaxValue);
        Assert.True(FileProof.Holds(ImagePath, acknowledged));
    }

    private async Task<GuestDisk> ConnectAsync(BlockGeometry geometry) =>
        new(await GuestConnection.ConnectAsync($"nbd+unix:///vm?socket={_directory}/s", CancellationToken.None), geometry, new Random(7));
}
