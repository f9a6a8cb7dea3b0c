using System.Buffers.Binary;
using ActorBackup.Nbd.Protocol;
using ActorBackup.Nbd.Server;
using ActorBackup.Nbd.Tests.Support;

namespace ActorBackup.Nbd.Tests.Server;

/// <summary>Whatever one client says, the server survives it and a well-behaved client beside it notices nothing.</summary>
public sealed class HostileInputTests : ServerTest
{
    private const int VictimBytes = 64 * 1024;

    private readonly MemoryDevice _victim = new(VictimBytes);

    public HostileInputTests() => Server.Add("victim", _victim, "what the hostile client gets");

    [Fact]
    public Task Garbage_instead_of_client_flags_ends_in_an_end() => AttackAsync(300, (random, client) =>
    {
        client.Receive(18);
        return Garbage(random, random.Next(1, 200));
    });

    [Fact]
    public Task Garbage_instead_of_options_ends_in_an_end() => AttackAsync(300, (random, client) =>
    {
        client.Greet();
        return Garbage(random, random.Next(1, 100_000));
    });

    [Fact]
    public Task Options_with_garbage_in_them_end_in_an_end() => AttackAsync(300, (random, client) =>
    {
        client.Greet();
        return Many(random.Next(1, 20), () => HostileOption(random));
    });

    [Fact]
    public Task Garbage_instead_of_requests_ends_in_an_end() => AttackAsync(300, (random, client) =>
    {
        Enter(random, client);
        return Garbage(random, random.Next(1, 100_000));
    });

    [Fact]
    public Task Requests_with_garbage_in_them_end_in_an_end() => AttackAsync(300, (random, client) =>
    {
        Enter(random, client);
        return Many(random.Next(1, 50), () => HostileRequest(random));
    });

    [Fact]
    public Task A_good_session_with_a_flipped_bit_ends_in_an_end() => AttackAsync(300, (random, client) =>
    {
        byte[] session =
        [
            .. Hex.Bytes("00000003"),
            .. RawClient.OptionBytes(NbdOption.StructuredReply, []),
            .. RawClient.OptionBytes(NbdOption.SetMetaContext, RawClient.MetaContext("victim", AllocationContext.ContextName)),
            .. RawClient.OptionBytes(NbdOption.Go, RawClient.Info("victim", InfoType.BlockSize)),
            .. RawClient.RequestBytes(NbdCommand.Read, 0, 4096, 1),
            .. RawClient.RequestBytes(NbdCommand.Write, 0, 512, 2, payload: new byte[512]),
            .. RawClient.RequestBytes(NbdCommand.BlockStatus, 0, VictimBytes, 3),
            .. RawClient.RequestBytes(NbdCommand.Disconnect, 0, 0, 4),
        ];
        session[random.Next(session.Length)] ^= (byte)(1 << random.Next(8));
        client.Receive(18);
        return session;
    });

    [Fact]
    public async Task A_flood_of_options_is_answered_one_by_one()
    {
        const int Count = 20_000;
        using var client = Greeted();
        using var good = Simple();
        var flood = Enumerable.Range(0, Count).SelectMany(_ => RawClient.OptionBytes((NbdOption)99, [1])).ToArray();
        var sending = Task.Run(() => client.Send(flood));
        for (var i = 0; i < Count; i++)
        {
            Assert.Equal(OptionReplyType.ErrorUnsupported, client.ReceiveOptionReply((NbdOption)99).Type);
        }

        await sending.InTime();
        ExpectServed(good);
    }

    [Fact]
    public async Task A_hundred_clients_that_stop_halfway_hold_up_nobody()
    {
        byte[] request = RawClient.RequestBytes(NbdCommand.Write, 0, 4096, payload: new byte[4096]);
        var stuck = new List<RawClient>();
        for (var i = 0; i < 100; i++)
        {
            var client = i % 2 == 0 ? Greeted() : Simple("victim");
            client.Send(i % 2 == 0 ? RawClient.OptionBytes(NbdOption.Go, RawClient.Info("victim"))[..(i % 25)] : request[..(i * 40)]);
            stuck.Add(client);
        }

        using var good = Structured();
        Assert.Equal(101, Server.Server.Connections);
        for (var i = 0; i < 100; i++)
        {
            ExpectServed(good, isStructured: true);
        }

        stuck.ForEach(c => c.Dispose());
        await Patience.UntilAsync(() => Server.Server.Connections == 1);
        Assert.Empty(_victim.CallsSoFar);
    }

    private static byte[] Garbage(Random random, int length)
    {
        var bytes = new byte[length];
        random.NextBytes(bytes);
        return bytes;
    }

    private static byte[] Many(int count, Func<byte[]> make) => [.. Enumerable.Range(0, count).SelectMany(_ => make())];

    private static byte[] HostileOption(Random random)
    {
        var data = Garbage(random, random.Next(5) == 0 ? random.Next(70_000) : random.Next(60));
        if (data.Length >= 8 && random.Next(2) == 0)
        {
            // A plausible string at the start lets the rest be looked at.
            BinaryPrimitives.WriteUInt32BigEndian(data, (uint)random.Next(data.Length));
        }

        var option = RawClient.OptionBytes((NbdOption)random.Next(13), data);
        if (random.Next(8) == 0)
        {
            BinaryPrimitives.WriteUInt32BigEndian(option.AsSpan(12), (uint)random.NextInt64(1L << 32));
        }

        return option;
    }

    private static byte[] HostileRequest(Random random)
    {
        var length = random.Next(4) == 0 ? (uint)random.NextInt64(1L << 32) : (uint)random.Next(VictimBytes * 2);
        var offset = random.Next(4) == 0 ? (ulong)random.NextInt64() * 2 : (ulong)random.Next(VictimBytes * 2);
        var payload = random.Next(2) == 0 ? Garbage(random, random.Next(3) == 0 ? (int)Math.Min(length, 200_000) : random.Next(2000)) : null;
        var flags = random.Next(2) == 0 ? 0 : random.Next(65536);
        return RawClient.RequestBytes((NbdCommand)random.Next(10), offset, length, (ulong)random.NextInt64(), (CommandFlags)flags, payload);
    }

    private static void Enter(Random random, RawClient client)
    {
        client.Greet();
        if (random.Next(2) == 0)
        {
            client.Ask(NbdOption.StructuredReply, []);
            client.Ask(NbdOption.SetMetaContext, RawClient.MetaContext("victim", AllocationContext.ContextName));
        }

        client.Ask(NbdOption.Go, RawClient.Info("victim"));
    }

    /// <summary>Runs attacks of which each has its own seed, which a failure names.</summary>
    /// <param name="count">How many.</param>
    /// <param name="prepare">Leads the client to where the attack begins, and returns what it then says.</param>
    private async Task AttackAsync(int count, Func<Random, RawClient, byte[]> prepare)
    {
        using var good = Simple();
        for (var seed = 0; seed < count; seed++)
        {
            try
            {
                using var client = new RawClient(Server.SocketPath);
                var attack = prepare(new Random(seed), client);
                var answers = Task.Run(client.ReceiveToEnd);
                var sending = Task.Run(() => client.TrySend(attack));
                ExpectServed(good);
                await sending.InTime();
                client.TryStopSending();
                await answers.InTime();
                ExpectServed(good);
                Assert.Empty(Server.Unexpected);
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"Failed with seed {seed}.", e);
            }
        }

        await Patience.UntilAsync(() => Server.Server.Connections == 1);
    }
}
