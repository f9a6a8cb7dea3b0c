using System.Net.Sockets;

namespace ActorBackup.Nbd.Tests.Support;

/// <summary>Two connected stream sockets.</summary>
internal sealed class SocketPair : IDisposable
{
    public SocketPair()
    {
        using var directory = new TempDirectory();
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(directory.File("p")));
        listener.Listen(1);
        Left = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        Left.Connect(listener.LocalEndPoint!);
        Right = listener.Accept();
    }

    public Socket Left { get; }

    public Socket Right { get; }

    public void Dispose()
    {
        Left.Dispose();
        Right.Dispose();
    }
}
