using ActorBackup.EndToEnd.Tests.Support;
using ActorBackup.Nbd.Client;

namespace ActorBackup.EndToEnd.Tests.Replay;

/// <summary>The same requests to the export of either side.</summary>
internal sealed class ReplayGuest(string uri, Guest guest) : IAsyncDisposable
{
    public static async Task<ReplayGuest> ConnectAsync(string uri) => new(uri, new Guest(await NbdClient.ConnectAsync(uri)));

    public async Task DoAsync(ReplayAction action)
    {
        switch (action)
        {
            case ReplayAction.Write w:
                var data = new byte[w.Length];
                new Random(w.Seed).NextBytes(data);
                await guest.WriteAsync(w.Offset, data);
                break;
            case ReplayAction.Zero z:
                await guest.ZeroAsync(z.Offset, z.Length);
                break;
            case ReplayAction.Discard d:
                // The project's client writes zeroes instead, as its callers want to read those.
                await Tool.SucceedAsync("qemu-io", "-f", "raw", "-d", "unmap", uri, "-c", $"discard {d.Offset} {d.Length}");
                break;
        }
    }

    public ValueTask DisposeAsync() => guest.DisposeAsync();
}
