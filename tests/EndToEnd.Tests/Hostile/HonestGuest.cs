using System.Diagnostics;
using ActorBackup.EndToEnd.Tests.Support;
using ActorBackup.Nbd.Client;

namespace ActorBackup.EndToEnd.Tests.Hostile;

/// <summary>Writes a part of the disk that is its own, reads it back, and goes on so until it is told to stop.</summary>
internal sealed class HonestGuest
{
    private readonly CancellationTokenSource _stopping = new();
    private readonly string _uri;
    private readonly long _offset;
    private readonly long _length;
    private Task _working = Task.CompletedTask;

    private HonestGuest(string uri, long offset, long length) => (_uri, _offset, _length) = (uri, offset, length);

    public int Rounds { get; private set; }

    public TimeSpan Slowest { get; private set; }

    public static HonestGuest Start(RunningNode node, string disk, long offset, long length)
    {
        var guest = new HonestGuest(node.UriOf(disk), offset, length);
        guest._working = Task.Run(guest.WorkAsync);
        return guest;
    }

    /// <summary>Throws what went wrong, if anything did.</summary>
    public async Task StopAsync()
    {
        await _stopping.CancelAsync();
        await _working.WaitAsync(Patience.Limit);
        _stopping.Dispose();
    }

    private async Task WorkAsync()
    {
        await using var client = await NbdClient.ConnectAsync(_uri);
        var random = new Random(1);
        var (written, read) = (new byte[Image.BlockBytes], new byte[Image.BlockBytes]);
        for (; !_stopping.IsCancellationRequested; Rounds++)
        {
            var offset = _offset + (random.NextInt64(_length / Image.BlockBytes) * Image.BlockBytes);
            random.NextBytes(written);
            var watch = Stopwatch.StartNew();
            await client.WriteAsync(offset, written, forceUnitAccess: false, CancellationToken.None);
            await client.ReadAsync(offset, read, CancellationToken.None);
            Slowest = watch.Elapsed > Slowest ? watch.Elapsed : Slowest;
            Assert.Equal(written, read);
        }
    }
}
