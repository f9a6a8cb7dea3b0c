using ActorBackup.Core.Blocks;
using ActorBackup.Nbd.Client;

namespace ActorBackup.EndToEnd.Tests.Support;

/// <summary>A guest on an export, through the project's own NBD client.</summary>
internal sealed class Guest(IBlockDevice device) : IAsyncDisposable
{
    public static async Task<Guest> ConnectAsync(RunningNode node, string disk) => new(await NbdClient.ConnectAsync(node.UriOf(disk)));

    public async Task WriteAsync(long offset, ReadOnlyMemory<byte> data) => await device.WriteAsync(offset, data, false, CancellationToken.None);

    /// <summary>Fills whole blocks with one byte each.</summary>
    public async Task FillAsync(IEnumerable<long> blocks, byte value)
    {
        var data = new byte[Image.BlockBytes];
        Array.Fill(data, value);
        foreach (var block in blocks)
        {
            await WriteAsync(block * Image.BlockBytes, data);
        }
    }

    public async Task TrimAsync(long offset, long length) => await device.TrimAsync(offset, length, false, CancellationToken.None);

    public async Task ZeroAsync(long offset, long length) => await device.WriteZeroesAsync(offset, length, ZeroOptions.None, CancellationToken.None);

    public async Task FlushAsync() => await device.FlushAsync(CancellationToken.None);

    public async ValueTask DisposeAsync()
    {
        switch (device)
        {
            case IAsyncDisposable d:
                await d.DisposeAsync();
                break;
            case IDisposable d:
                d.Dispose();
                break;
        }
    }
}
