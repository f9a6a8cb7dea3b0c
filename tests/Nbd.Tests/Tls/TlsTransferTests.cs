using ActorBackup.Nbd.Client;
using ActorBackup.Nbd.Tests.Support;
using ActorBackup.Nbd.Tls;

namespace ActorBackup.Nbd.Tests.Tls;

public sealed class TlsTransferTests() : TlsTest(TlsMode.Require)
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Requests_of_all_sizes_bring_the_right_bytes(bool isDeviceSlow)
    {
        Device.Before = isDeviceSlow ? async _ => await Task.Yield() : null;
        await using var client = await NbdClient.ConnectAsync(Server.SecureUri("disk"), Authority.Client()).InTime();
        await ExerciseAsync(client, rounds: 300);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Records_may_come_in_pieces(int seed)
    {
        var random = new Random(seed);
        using var relay = new Relay(Server.Server.TcpEndPoint!, () =>
        {
            lock (random)
            {
                return random.Next(3) == 0 ? random.Next(1, 7) : random.Next(1, 20_000);
            }
        });
        var uri = NbdUri.Tcp("localhost", relay.Port, "disk", isSecure: true);
        await using var client = await NbdClient.ConnectAsync(uri, Authority.Client()).InTime();
        await ExerciseAsync(client, rounds: 30);
    }

    [Fact]
    public async Task A_record_may_come_byte_by_byte()
    {
        using var relay = new Relay(Server.Server.TcpEndPoint!, () => 1);
        await using var client = await NbdClient.ConnectAsync(NbdUri.Tcp("localhost", relay.Port, "disk", isSecure: true), Authority.Client()).InTime();
        var content = new byte[20_000];
        await client.ReadAsync(512, content, default).InTime();
        Assert.Equal(Device.Content[512..20_512], content);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(18)]
    [InlineData(100)]
    [InlineData(700)]
    [InlineData(5_000)]
    [InlineData(70_000)]
    public async Task A_connection_that_is_cut_anywhere_fails_what_was_asked_and_is_forgotten(int cutAfterBytes)
    {
        using var relay = new Relay(Server.Server.TcpEndPoint!, () => 65536, cutAfterBytes);
        await Assert.ThrowsAnyAsync<Exception>(async () =>
        {
            await using var client = await NbdClient.ConnectAsync(NbdUri.Tcp("localhost", relay.Port, "disk", isSecure: true), Authority.Client()).InTime();
            await client.ReadAsync(0, new byte[512 * 1024], default).InTime();
        });
        await Patience.UntilAsync(() => Server.Server.Connections == 0);
    }

    [Fact]
    public async Task A_bit_that_flips_on_the_way_ends_the_connection()
    {
        using var client = Secured();
        var raw = client.Socket;
        raw.Send([23, 3, 3, 0, 40, .. new byte[40]]);
        client.ExpectEnd();
        await Patience.UntilAsync(() => Server.Server.Connections == 0);
    }

    [Fact]
    public async Task A_closed_export_answers_what_has_begun_and_ends_politely()
    {
        var gate = new Gate();
        Device.Before = gate.HoldAsync;
        await using var client = await NbdClient.ConnectAsync(Server.SecureUri("disk"), Authority.Client()).InTime();
        var reading = client.ReadAsync(0, new byte[4096], default).AsTask();
        await Patience.UntilAsync(() => Device.CallsSoFar.Length == 1);
        var closing = Export.CloseAsync();
        gate.Open();
        await reading.InTime();
        Assert.True(await closing.InTime());
    }

    private async Task ExerciseAsync(NbdClient client, int rounds)
    {
        var random = new Random(rounds);
        var shadow = Device.Content.ToArray();
        for (var round = 0; round < rounds; round++)
        {
            var length = random.Next(4) switch
            {
                0 => random.Next(1, 100),
                1 => random.Next(1, 20_000),
                2 => random.Next(60_000, 70_000),
                _ => random.Next(1, SizeBytes),
            };
            var offset = random.Next(SizeBytes - length + 1);
            if (random.Next(2) == 0)
            {
                random.NextBytes(shadow.AsSpan(offset, length));
                await client.WriteAsync(offset, shadow.AsMemory(offset, length), false, default).InTime();
            }
            else
            {
                var back = new byte[length];
                await client.ReadAsync(offset, back, default).InTime();
                Assert.True(back.AsSpan().SequenceEqual(shadow.AsSpan(offset, length)), $"round {round}: {length} bytes at {offset}");
            }
        }

        var reads = Enumerable.Range(0, 64).Select(i => (Offset: i * 16384, Data: new byte[16384])).ToList();
        await Task.WhenAll(reads.Select(r => client.ReadAsync(r.Offset, r.Data, default).AsTask())).InTime();
        Assert.All(reads, r => Assert.True(r.Data.AsSpan().SequenceEqual(shadow.AsSpan(r.Offset, 16384))));
        Assert.True(shadow.AsSpan().SequenceEqual(Device.Content));
    }
}
