using ActorBackup.Core.Blocks;
using ActorBackup.Nbd.Protocol;
using ActorBackup.Nbd.Server;
using ActorBackup.Nbd.Tests.Support;

namespace ActorBackup.Nbd.Tests.Server;

/// <summary>Requests that wait for the device while others go on.</summary>
public sealed class InFlightTests : ServerTest
{
    private const int RequestsMax = 8;

    private readonly Gate _gate = new();

    [Fact]
    public async Task Replies_come_as_the_device_finishes_not_as_requests_came()
    {
        Device.Before = _gate.HoldAsync;
        using var client = Simple();
        client.Request(NbdCommand.Read, 0, 8, cookie: 1);
        client.Request(NbdCommand.Write, 512, 8, cookie: 2, payload: [1, 2, 3, 4, 5, 6, 7, 8]);
        client.Request(NbdCommand.Flush, 0, 0, cookie: 3);
        client.Request(NbdCommand.Read, 1024, 8, cookie: 4);
        client.Request(NbdCommand.Trim, 8192, 4096, cookie: 5);
        await _gate.ArrivedAsync("trim 8192 4096");
        _gate.Release("read 1024 8");
        ExpectData(client, 4, 1024, 8);
        _gate.Release("trim 8192 4096");
        Assert.Equal(new SimpleReplyHeader(NbdErrno.None, 5), client.ReceiveSimple());
        _gate.Fail("flush", new BlockDeviceException(BlockDeviceError.InputOutput, "no"));
        Assert.Equal(new SimpleReplyHeader(NbdErrno.InputOutput, 3), client.ReceiveSimple());
        _gate.Release("read 0 8");
        ExpectData(client, 1, 0, 8);
        _gate.Release("write 512 8");
        Assert.Equal(new SimpleReplyHeader(NbdErrno.None, 2), client.ReceiveSimple());
        Assert.Equal([1, 2, 3, 4, 5, 6, 7, 8], Device.Content[512..520]);
    }

    [Fact]
    public async Task The_data_of_a_waiting_write_stays_what_it_was_whatever_comes_behind_it()
    {
        Device.Before = call => call.StartsWith("write", StringComparison.Ordinal) ? _gate.HoldAsync(call) : ValueTask.CompletedTask;
        using var client = Simple();
        var random = new Random(7);
        var written = new Dictionary<int, byte[]>();
        for (var i = 0; i < RequestsMax - 1; i++)
        {
            var data = new byte[i % 2 == 0 ? 600 : 80_000];
            random.NextBytes(data);
            written.Add(i * 100_000, data);
            client.Request(NbdCommand.Write, (ulong)i * 100_000, (uint)data.Length, cookie: (ulong)i, payload: data);
            client.Request(NbdCommand.Read, SizeBytes - 300, 300, cookie: 99);
            ExpectData(client, 99, SizeBytes - 300, 300);
        }

        await _gate.ArrivedAsync("write 600000 600");
        _gate.ReleaseHeld();
        Assert.Equal([0, 1, 2, 3, 4, 5, 6], Enumerable.Range(0, 7).Select(_ => (int)client.ReceiveSimple().Cookie).Order());
        Assert.All(written, w => Assert.True(Device.Content.AsSpan(w.Key, w.Value.Length).SequenceEqual(w.Value)));
    }

    [Fact]
    public async Task No_more_than_the_allowed_number_of_requests_wait_at_once()
    {
        Device.Before = _gate.HoldAsync;
        using var client = Simple();
        const int Count = 200;
        client.Send([.. Enumerable.Range(0, Count).SelectMany(i => RawClient.RequestBytes(NbdCommand.Read, (ulong)i, 1, cookie: (ulong)i))]);
        await _gate.ArrivedAsync($"read {RequestsMax - 1} 1");
        Assert.Equal(RequestsMax, _gate.Held);
        for (var i = 0; i < Count; i++)
        {
            await _gate.ArrivedAsync($"read {i} 1");
            _gate.Release($"read {i} 1");
            ExpectData(client, (ulong)i, i, 1);
        }

        Assert.Equal(RequestsMax, _gate.HeldMax);
    }

    [Fact]
    public async Task Bytes_in_flight_are_bounded_too()
    {
        await using var server = new TestServer(options => options with { MaxInFlightBytes = 100_000 });
        server.Add("disk", Device);
        Device.Before = _gate.HoldAsync;
        using var client = RawClient.Entered(server.SocketPath, "disk", structured: false);
        client.Send([.. Enumerable.Range(0, 20).SelectMany(i => RawClient.RequestBytes(NbdCommand.Read, (ulong)i * 40_000, 40_000, cookie: (ulong)i))]);
        for (var i = 0; i < 20; i++)
        {
            await _gate.ArrivedAsync($"read {i * 40_000} 40000");
            _gate.Release($"read {i * 40_000} 40000");
            ExpectData(client, (ulong)i, i * 40_000, 40_000);
        }

        Assert.Equal(3, _gate.HeldMax);
    }

    [Fact]
    public async Task A_client_that_does_not_read_its_replies_is_not_read_either_and_holds_up_nobody()
    {
        Device.Before = async _ => await Task.Yield();
        using var greedy = Simple();
        using var other = Simple();
        var requests = Enumerable.Range(0, 100).SelectMany(_ => RawClient.RequestBytes(NbdCommand.Read, 0, 512 << 10)).ToArray();
        greedy.Send(requests);

        // Its socket's buffers are full when this many more requests do not fit behind the replies that wait.
        await Patience.UntilAsync(() => Device.CallsSoFar.Length >= RequestsMax);
        for (var i = 0; i < 20; i++)
        {
            ExpectServed(other);
        }

        for (var i = 0; i < 100; i++)
        {
            Assert.Equal(NbdErrno.None, greedy.ReceiveSimple().Error);
            Assert.Equal(512 << 10, greedy.Receive(512 << 10).Length);
        }
    }

    [Fact]
    public async Task DISC_lets_what_has_begun_finish_and_be_answered()
    {
        Device.Before = _gate.HoldAsync;
        using var client = Simple();
        client.Request(NbdCommand.Read, 0, 100_000, cookie: 1);
        client.Request(NbdCommand.Write, 4096, 4, cookie: 2, payload: [1, 2, 3, 4]);
        client.Request(NbdCommand.Disconnect, 0, 0);
        client.Request(NbdCommand.Write, 0, 4, cookie: 3, payload: [9, 9, 9, 9]);
        await _gate.ArrivedAsync("write 4096 4");
        _gate.Release("write 4096 4");
        Assert.Equal(new SimpleReplyHeader(NbdErrno.None, 2), client.ReceiveSimple());
        _gate.Release("read 0 100000");
        Assert.Equal(new SimpleReplyHeader(NbdErrno.None, 1), client.ReceiveSimple());
        Assert.Equal(100_000, client.Receive(100_000).Length);
        client.ExpectSilentEnd();
        Assert.Equal(2, Device.CallsSoFar.Length);
    }

    [Fact]
    public async Task A_client_that_vanishes_is_forgotten_only_when_the_device_has_finished()
    {
        Device.Before = _gate.HoldAsync;
        var client = Simple();
        client.Request(NbdCommand.Write, 4096, 4, payload: [1, 2, 3, 4]);
        client.Request(NbdCommand.Read, 0, 4);
        await _gate.ArrivedAsync("read 0 4");
        client.Dispose();
        var closed = Export.CloseAsync();
        using (var other = Greeted())
        {
            // The server is at work meanwhile, so the connection has had its chance to be forgotten too early.
            other.Ask(NbdOption.List, []);
        }

        Assert.Equal(1, Export.Clients);
        Assert.False(closed.IsCompleted);
        _gate.Release("read 0 4");
        _gate.Release("write 4096 4");
        Assert.True(await closed.InTime());
        Assert.Equal(0, Export.Clients);
        Assert.Equal([1, 2, 3, 4], Device.Content[4096..4100]);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(27)]
    public async Task A_client_that_leaves_within_a_header_leaves_nothing_behind(int length)
    {
        using var client = Simple();
        client.Send(RawClient.RequestBytes(NbdCommand.Write, 0, 4096)[..length]);
        client.StopSending();
        client.ExpectSilentEnd();
        await Patience.UntilAsync(() => Export.Clients == 0);
        Assert.Empty(Device.CallsSoFar);
    }

    [Theory]
    [InlineData(4096, 0)]
    [InlineData(4096, 4095)]
    [InlineData(65536, 65535)]
    [InlineData(500_000, 0)]
    [InlineData(500_000, 70_000)]
    [InlineData(500_000, 499_999)]
    [InlineData(5_000_000, 499_999)]
    public async Task A_write_whose_payload_does_not_come_is_not_done(int claimed, int sent)
    {
        using var client = Simple();
        client.Send(RawClient.RequestBytes(NbdCommand.Write, 0, (uint)claimed, payload: new byte[sent]));
        client.StopSending();
        var said = client.ReceiveToEnd();
        Assert.Equal(claimed > SizeBytes ? SimpleReplyHeader.SizeBytes : 0, said.Length);
        await Patience.UntilAsync(() => Export.Clients == 0);
        Assert.Empty(Device.CallsSoFar);
    }

    [Fact]
    public async Task Many_clients_with_many_requests_each_get_their_own_data()
    {
        Device.Before = async _ => await Task.Yield();
        await Task.WhenAll(Enumerable.Range(0, 16).Select(seed => Task.Run(() => ReadRandomly(seed)))).InTime();
        await Patience.UntilAsync(() => Export.Clients == 0);
    }

    private protected override NbdServerOptions ConfigureServer(NbdServerOptions options) => options with { MaxInFlightRequests = RequestsMax };

    private void ReadRandomly(int seed)
    {
        var random = new Random(seed);
        using var client = Structured();
        var ranges = Enumerable.Range(0, 100).Select(_ => (Offset: random.Next(SizeBytes - 2000), Length: random.Next(1, 2000))).ToArray();
        client.Send([.. ranges.SelectMany((r, i) => RawClient.RequestBytes(NbdCommand.Read, (ulong)r.Offset, (uint)r.Length, cookie: (ulong)i))]);
        var answered = new HashSet<ulong>();
        for (var i = 0; i < ranges.Length; i++)
        {
            var (chunk, payload) = client.ReceiveChunk();
            Assert.True(answered.Add(chunk.Cookie));
            var (offset, length) = ranges[chunk.Cookie];
            Assert.True(payload.AsSpan(8).SequenceEqual(Device.Content.AsSpan(offset, length)));
        }
    }

    private void ExpectData(RawClient client, ulong cookie, int offset, int length)
    {
        Assert.Equal(new SimpleReplyHeader(NbdErrno.None, cookie), client.ReceiveSimple());
        Assert.True(client.Receive(length).AsSpan().SequenceEqual(Device.Content.AsSpan(offset, length)));
    }
}
