using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace ActorBackup.Cli.Tests;

/// <summary>A node that answers whatever the test says, on a port that the system chose.</summary>
public sealed class StubNode : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly Func<StubRequest, StubReply> _answer;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _serving;

    public StubNode(Func<StubRequest, StubReply> answer)
    {
        _answer = answer;
        _listener.Start();
        _serving = Task.Run(ServeAsync);
    }

    public string Endpoint => $"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}";

    public ConcurrentQueue<StubRequest> Requests { get; } = new();

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Stop();
        await _serving;
        _stop.Dispose();
    }

    /// <summary>Side by side, because a client may open a connection that it then never uses.</summary>
    private async Task ServeAsync()
    {
        var open = new List<Task>();
        try
        {
            while (true)
            {
                open.Add(ServeAsync(await _listener.AcceptTcpClientAsync(_stop.Token)));
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The test is over.
        }

        await Task.WhenAll(open);
    }

    private async Task ServeAsync(TcpClient client)
    {
        using (client)
        {
            try
            {
                await AnswerAsync(client.GetStream());
            }
            catch (Exception e) when (e is OperationCanceledException or SocketException or IOException)
            {
                // The test is over, or its client hung up.
            }
        }
    }

    private async Task AnswerAsync(NetworkStream stream)
    {
        using var reader = new StreamReader(stream, Encoding.UTF8, leaveOpen: true);
        if (await reader.ReadLineAsync(_stop.Token) is not { } line)
        {
            return;
        }

        var first = line.Split(' ');
        var length = 0;
        string? authorization = null;
        while (await reader.ReadLineAsync(_stop.Token) is { Length: > 0 } header)
        {
            var value = header[(header.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim();
            if (header.StartsWith("Content-Length:", StringComparison.OrdinalIgnoreCase))
            {
                length = int.Parse(value);
            }
            else if (header.StartsWith("Authorization:", StringComparison.OrdinalIgnoreCase))
            {
                authorization = value;
            }
        }

        var body = new char[length];
        if (length > 0)
        {
            // Asked for nothing, it would wait for more to come.
            await reader.ReadBlockAsync(body, _stop.Token);
        }

        var request = new StubRequest(first[0], first[1], new string(body), authorization);
        Requests.Enqueue(request);
        var reply = _answer(request);
        var content = Encoding.UTF8.GetBytes(reply.Body);
        var head = $"HTTP/1.1 {reply.Status} Stub\r\nContent-Type: application/json\r\nContent-Length: {content.Length}\r\nConnection: close\r\n\r\n";
        await stream.WriteAsync(Encoding.ASCII.GetBytes(head), _stop.Token);
        await stream.WriteAsync(content, _stop.Token);
    }
}

public sealed record StubRequest(string Method, string Path, string Body, string? Authorization);

public sealed record StubReply(int Status, string Body);
