using System.Net;
using ActorBackup.Nbd.Tls;

namespace ActorBackup.Nbd.Server;

/// <summary>Where a server listens and how much it lets its clients have.</summary>
public sealed record NbdServerOptions
{
    /// <summary>Path of a unix socket, or null for none. The socket gets mode 0600.</summary>
    public string? UnixSocketPath { get; init; }

    /// <summary>TCP address, or null for none; port 0 takes any free port. Without TLS, who may connect may read and write.</summary>
    public IPEndPoint? TcpEndPoint { get; init; }

    /// <summary>What STARTTLS leads to over TCP; null when there is none. The unix socket has its mode instead.</summary>
    public ServerTls? Tls { get; init; }

    /// <summary>A connection that has not chosen an export by then is dropped.</summary>
    public TimeSpan HandshakeTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Clients that have chosen an export. Further ones are told when they choose one.</summary>
    public int MaxConnections { get; init; } = 1024;

    /// <summary>Connections of each listener that have not chosen an export. Further ones take the place of the oldest.</summary>
    public int MaxHandshakes { get; init; } = 256;

    /// <summary>Before this nobody loses its place to another one that has not chosen either.</summary>
    public TimeSpan HandshakeGrace { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>Requests of one connection that may wait for the device or for their reply to be sent; beyond, its socket is not read.</summary>
    public int MaxInFlightRequests { get; init; } = 256;

    /// <summary>Payload bytes of those requests; one more request may start just below the limit.</summary>
    public long MaxInFlightBytes { get; init; } = 64L * 1024 * 1024;

    /// <summary>Payload bytes that all connections may hold together; 256 KiB of each do not need it.</summary>
    public long MaxTotalInFlightBytes { get; init; } = 256L * 1024 * 1024;

    /// <summary>A client that holds memory others wait for, and for this long goes on neither with what it sends nor with what it is sent, is cut.</summary>
    public TimeSpan StallPatience { get; init; } = TimeSpan.FromSeconds(30);

    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    /// <summary>Told of failures that nobody expects, such as an exception of a device that is not BlockDeviceException. Called from any thread; must not block.</summary>
    public Action<Exception>? OnUnexpected { get; init; }
}
