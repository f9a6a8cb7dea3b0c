using System.Diagnostics;
using System.Globalization;
using ActorBackup.Nbd.Tests.Support;
using ActorBackup.Nbd.Tests.Tls;
using ActorBackup.Nbd.Tls;
using Xunit.Abstractions;

namespace ActorBackup.Nbd.Tests.Fuzz;

/// <summary>Damaged sessions, in the clear and over TLS, beside a good client that must notice nothing.</summary>
/// <remarks>
/// <c>ACTORBACKUP_FUZZ_SECONDS=600</c> runs for that long instead of a fixed number of sessions; <c>ACTORBACKUP_FUZZ_SEED=N</c> begins at
/// that seed. Every session has its own seed, which a failure names.
/// </remarks>
public sealed class SessionFuzzTests(ITestOutputHelper output) : TlsTest(TlsMode.Allow)
{
    private const int VictimBytes = 256 * 1024;
    private const int Sessions = 400;
    private const long HeldBytesMax = 256L << 20;

    private static readonly TimeSpan Duration = TimeSpan.FromSeconds(Setting("ACTORBACKUP_FUZZ_SECONDS", 0));

    private readonly MemoryDevice _victim = new(VictimBytes);

    [Fact]
    public async Task A_damaged_session_ends_and_harms_nobody()
    {
        var begun = Stopwatch.StartNew();
        var first = Setting("ACTORBACKUP_FUZZ_SEED", Duration > TimeSpan.Zero ? Environment.TickCount : 1);
        Server.Add("victim", _victim, "what the damaged sessions get");
        using var good = Simple();
        var seed = first;
        for (; Duration > TimeSpan.Zero ? begun.Elapsed < Duration : seed < first + Sessions; seed++)
        {
            try
            {
                await RunAsync(new Random(seed), good);
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"Failed with seed {seed}: ACTORBACKUP_FUZZ_SEED={seed} repeats it.", e);
            }
        }

        await Patience.UntilAsync(() => Server.Server.Connections == 1);
        Assert.Equal(0, Server.Server.Budget.Bytes);
        if (Duration > TimeSpan.Zero)
        {
            // In a short run other tests are in the same process.
            Assert.InRange(GC.GetTotalMemory(forceFullCollection: true), 0, HeldBytesMax);
        }

        output.WriteLine($"{seed - first} sessions, seeds {first} to {seed - 1}, {begun.Elapsed}");
    }

    private async Task RunAsync(Random random, RawClient good)
    {
        _victim.Before = random.Next(2) == 0 ? async _ => await Task.Yield() : null;
        using var client = new RawClient(Server.Server.TcpEndPoint!);
        client.Receive(18);
        var session = MutatedSession.Make(random, "victim", VictimBytes);
        if (random.Next(8) == 0)
        {
            client.Send(Hex.Bytes("00000003"));
            client.StartTls();
            session = session[Math.Min(4, session.Length)..];
        }

        var answers = Task.Run(client.ReceiveToEnd);
        var sending = Task.Run(() => SendInPieces(client, session, random));
        ExpectServed(good);
        await sending.InTime();
        client.TryStopSending();
        await answers.InTime();
        ExpectServed(good);
        Assert.Empty(Server.Unexpected);
    }

    private static void SendInPieces(RawClient client, byte[] session, Random random)
    {
        try
        {
            for (var sent = 0; sent < session.Length;)
            {
                var piece = Math.Min(session.Length - sent, random.Next(3) == 0 ? random.Next(1, 30) : random.Next(1, 20_000));
                client.TrySend(session[sent..(sent + piece)]);
                sent += piece;
            }
        }
        catch (IOException)
        {
            // The server has hung up within TLS.
        }
    }

    private static int Setting(string name, int otherwise) =>
        Environment.GetEnvironmentVariable(name) is { } text ? int.Parse(text, CultureInfo.InvariantCulture) : otherwise;
}
