using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace ActorBackup.Nbd.Tests.Support;

/// <summary>Tells what of the bytes sent on a socket the other side has not taken yet.</summary>
internal static partial class SendQueue
{
    private const nuint PendingOutput = 0x5411;

    /// <summary>Waits until the other side has received everything, so that what is sent next is another receive for it.</summary>
    public static void AwaitEmpty(Socket socket)
    {
        var begun = Environment.TickCount64;
        while (Ioctl(socket.SafeHandle, PendingOutput, out var bytes) == 0 && bytes > 0)
        {
            Assert.True(Environment.TickCount64 - begun < Patience.Limit.TotalMilliseconds, "The other side does not receive.");
            Thread.Yield();
        }
    }

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    private static partial int Ioctl(SafeHandle socket, nuint request, out int value);
}
