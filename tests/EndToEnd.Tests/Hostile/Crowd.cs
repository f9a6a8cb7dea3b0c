using System.Collections.Concurrent;
using System.Net.Sockets;

namespace ActorBackup.EndToEnd.Tests.Hostile;

/// <summary>Clients that mean no good, on a node's unix socket.</summary>
internal sealed class Crowd(string socketPath, string export) : IDisposable
{
    private const int ThreadsMax = 4;
    private const ushort Read = 0;
    private const ushort Write = 1;
    private const uint MiB = 1024 * 1024;

    private static readonly byte[] Garbage = [.. Enumerable.Range(0, 64).Select(i => (byte)(i * 37))];

    /// <summary>What is said after the greeting and before an export is chosen, for which the server must hang up.</summary>
    private static readonly byte[][] WrongOptions =
    [
        [0xff, 0xff, 0xff, 0xff],
        [0, 0, 0, 3, .. Garbage],
        [0, 0, 0, 3, .. RawConnection.Option(7, uint.MaxValue)],
        [0, 0, 0, 3, .. RawConnection.Option(1, 100_000)],
        [0, 0, 0, 3, .. RawConnection.Option(1, 4, [1, 2, 3, 4])],
        [0, 0, 0, 0, .. RawConnection.Option(7, 0)],
    ];

    /// <summary>The same after it.</summary>
    private static readonly byte[][] WrongRequests = [Garbage, RawConnection.Request(Write, 0, 33 * MiB), RawConnection.Request(Write, 0, uint.MaxValue)];

    /// <summary>Where those stop who say half of something and then nothing.</summary>
    private static readonly byte[][] Halves =
    [
        [],
        [0, 0],
        [0, 0, 0, 3],
        [0, 0, 0, 3, .. RawConnection.Option(7, 60_000, [1, 2, 3])],
        [0, 0, 0, 3, .. RawConnection.Option(99, 20 * MiB, [1, 2, 3])],
        [0, 0, 0, 3, .. RawConnection.Option(3, 0)[..9]],
    ];

    private readonly ConcurrentBag<RawConnection> _staying = [];

    /// <summary>Who has connected and not left by itself.</summary>
    public int Staying => _staying.Count;

    /// <summary>So many that never choose an export. Those who came first are sent away for those who come later.</summary>
    public Task DawdleAsync(int count) => EachAsync(count, i => Stay(Open().Send(Halves[i % Halves.Length])));

    /// <summary>So many that break the protocol, each of which the server ends.</summary>
    public Task BreakAsync(int count) => EachAsync(count, i =>
    {
        using var connection = Open();
        if (i % 2 == 0)
        {
            SendWhatItTakes(connection, WrongOptions[i / 2 % WrongOptions.Length]);
        }
        else
        {
            Assert.Null(connection.Greet().Choose(export));
            SendWhatItTakes(connection, WrongRequests[i / 2 % WrongRequests.Length]);
        }

        connection.ExpectEnd();
    });

    /// <summary>Takes every place that there is, and says nothing good there.</summary>
    /// <returns>How many places there were.</returns>
    public async Task<int> OccupyAsync(int most)
    {
        var (places, refused) = (0, 0);
        await EachAsync(most, i =>
        {
            if (Volatile.Read(ref refused) > ThreadsMax)
            {
                return;
            }

            var connection = Open().Greet();
            if (connection.Choose(export) is { } refusal)
            {
                Assert.Contains("as many clients as it takes", refusal, StringComparison.Ordinal);
                Interlocked.Increment(ref refused);
                connection.Dispose();
                return;
            }

            Interlocked.Increment(ref places);
            Stay(connection);
            Misuse(connection, i);
        });
        Assert.True(refused > 0, $"Nobody of {most} was refused.");
        return places;
    }

    /// <summary>All leave without a word, whatever is unread.</summary>
    public void Leave()
    {
        while (_staying.TryTake(out var connection))
        {
            connection.Dispose();
        }
    }

    public void Dispose() => Leave();

    private static void Misuse(RawConnection connection, int kind)
    {
        switch (kind % 6)
        {
            case 0:
                connection.Send(RawConnection.Request(Read, 0, 4096).AsSpan(0, kind % RawConnection.HeaderBytes));
                break;
            case 1:
                connection.Send([.. RawConnection.Request(Write, 0, MiB), .. Garbage]);
                break;
            case 2:
                connection.Flood(RawConnection.Request(Read, 0, MiB), 10_000);
                break;
            case 3:
                connection.Flood(RawConnection.Request(Read, 0, 4096), 100_000);
                break;
            case 4:
                connection.Flood(RawConnection.Request(99, ulong.MaxValue, uint.MaxValue), 100_000);
                break;
            default:
                break;
        }
    }

    // A server that has hung up already is what was wanted.
    private static void SendWhatItTakes(RawConnection connection, byte[] bytes)
    {
        try
        {
            connection.Send(bytes);
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.ConnectionReset or SocketError.Shutdown)
        {
        }
    }

    private RawConnection Open() => new(socketPath);

    private void Stay(RawConnection connection) => _staying.Add(connection);

    private static Task EachAsync(int count, Action<int> act) =>
        Parallel.ForAsync(0, count, new ParallelOptions { MaxDegreeOfParallelism = ThreadsMax }, (i, _) =>
        {
            act(i);
            return ValueTask.CompletedTask;
        });
}
