using ActorBackup.Core.Blocks;
using ActorBackup.Nbd.Client;
using ActorBackup.Nbd.Tests.Support;
using CsCheck;

namespace ActorBackup.Nbd.Tests.Client;

/// <summary>The real client against the real server, compared with a plain array after every step.</summary>
public sealed class RoundTripTests : IAsyncLifetime
{
    private const int SizeBytes = 3 * 1024 * 1024;
    private const int LaneBytes = SizeBytes / Lanes;
    private const int Lanes = 8;

    private static readonly Gen<Step> AnyStep =
        Gen.Select(Gen.Int[0, 9], Gen.Int[0, LaneBytes], Gen.Frequency((6, Gen.Int[0, 5000]), (1, Gen.Int[0, LaneBytes])), Gen.Byte, Gen.Bool)
            .Select((kind, offset, length, fill, isStable) => new Step(kind, offset, Math.Min(length, LaneBytes - offset), fill, isStable));

    private readonly TestServer _server = new();

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        await _server.DisposeAsync();
        Assert.Empty(_server.Unexpected);
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public async Task Concurrent_random_operations_leave_what_an_array_would_hold(bool isTcp, bool isAsynchronous) =>
        await AnyStep.Array[1, 15].Array[Lanes].SampleAsync(
            async lanes =>
            {
                var device = new MemoryDevice(SizeBytes) { Before = isAsynchronous ? static async _ => await Task.Yield() : null };
                var export = _server.Add("disk", device);
                var shadow = new byte[SizeBytes];
                await using (var client = await NbdClient.ConnectAsync(isTcp ? _server.TcpUri("disk") : _server.UnixUri("disk")).InTime())
                {
                    // Each lane is a part of the disk with a writer of its own, so that the array is unambiguous.
                    await Task.WhenAll(lanes.Select((steps, lane) => RunAsync(client, shadow, lane * LaneBytes, steps))).InTime();
                    var all = new byte[SizeBytes];
                    await client.ReadAsync(0, all, default).InTime();
                    Assert.True(all.AsSpan().SequenceEqual(shadow));
                }

                Assert.True(device.Content.AsSpan().SequenceEqual(shadow));
                _server.Catalog.Remove(export);
                Assert.True(await export.CloseAsync().InTime());
            },
            iter: 25,
            threads: 1);

    [Fact]
    public async Task Several_connections_see_each_others_finished_writes()
    {
        var device = new MemoryDevice(SizeBytes) { Before = static async _ => await Task.Yield() };
        _server.Add("disk", device);
        await using var writer = await _server.ConnectAsync("disk");
        await using var reader = await NbdClient.ConnectAsync(_server.TcpUri("disk")).InTime();
        var target = new byte[4096];
        for (var i = 1; i <= 100; i++)
        {
            var data = new byte[4096];
            data.AsSpan().Fill((byte)i);
            await writer.WriteAsync(i * 4096, data, false, default).InTime();
            await reader.ReadAsync(i * 4096, target, default).InTime();
            Assert.Equal(data, target);
        }
    }

    [Fact]
    public async Task Requests_larger_than_the_protocol_allows_are_split_and_arrive_whole()
    {
        const int Length = (32 << 20) + 12345;
        var device = new MemoryDevice(Length + 100);
        _server.Add("disk", device);
        await using var client = await _server.ConnectAsync("disk");
        var data = new byte[Length];
        new Random(4).NextBytes(data);
        await client.WriteAsync(50, data, true, default).InTime();
        var back = new byte[Length];
        await client.ReadAsync(50, back, default).InTime();
        Assert.True(back.AsSpan().SequenceEqual(data));
        Assert.Equal(["write 50 33554432 fua", "write 33554482 12345 fua", "read 50 33554432", "read 33554482 12345"], device.CallsSoFar);
    }

    [Fact]
    public async Task Allocation_is_what_the_device_says()
    {
        var device = new MemoryDevice(SizeBytes);
        _server.Add("disk", device);
        await using var client = await _server.ConnectAsync("disk");
        await client.WriteAsync(8192, new byte[4096], false, default).InTime();
        var runs = new AllocationRun[10];
        Assert.Equal(3, await client.QueryAllocationAsync(0, SizeBytes, runs, default).InTime());
        Assert.Equal([new(8192, true, true), new(4096, false, false), new(SizeBytes - 12288, true, true)], runs[..3]);
        await client.TrimAsync(8192, 4096, false, default).InTime();
        Assert.Equal(1, await client.QueryAllocationAsync(0, SizeBytes, runs, default).InTime());
        await client.WriteZeroesAsync(0, 4096, ZeroOptions.NoHole, default).InTime();
        Assert.Equal(1, await client.QueryAllocationAsync(0, SizeBytes, runs.AsMemory(0, 1), default).InTime());
        Assert.Equal(new AllocationRun(4096, false, false), runs[0]);
    }

    [Fact]
    public async Task Goodbye_waits_for_what_is_in_flight()
    {
        var gate = new Gate();
        _server.Add("disk", new MemoryDevice(SizeBytes) { Before = gate.HoldAsync });
        var client = await _server.ConnectAsync("disk");
        var write = client.WriteAsync(0, new byte[5], false, default).AsTask();
        await gate.ArrivedAsync("write 0 5");
        var goodbye = client.DisposeAsync();
        Assert.False(goodbye.IsCompleted);
        gate.Open();
        await goodbye.InTime();
        Assert.True(write.IsCompletedSuccessfully);
        await client.DisposeAsync().InTime();
    }

    [Fact]
    public async Task A_server_that_stops_fails_the_client_and_a_new_connection_works_again()
    {
        var device = new MemoryDevice(SizeBytes);
        var export = _server.Add("disk", device);
        await using var client = await _server.ConnectAsync("disk");
        Assert.True(await export.CloseAsync().InTime());
        var e = await Assert.ThrowsAsync<BlockDeviceException>(() => client.ReadAsync(0, new byte[1], default).InTime());
        Assert.Contains(e.Error, (BlockDeviceError[])[BlockDeviceError.InputOutput, BlockDeviceError.ShuttingDown]);
        await Assert.ThrowsAsync<NbdRefusedException>(() => _server.ConnectAsync("disk"));
        _server.Catalog.Remove(export);
        _server.Add("disk", device);
        await using var again = await _server.ConnectAsync("disk");
        await again.ReadAsync(0, new byte[1], default).InTime();
    }

    private static async Task RunAsync(NbdClient client, byte[] shadow, int start, Step[] steps)
    {
        foreach (var (kind, offsetInLane, length, fill, isStable) in steps)
        {
            var offset = start + offsetInLane;
            var part = shadow.AsMemory(offset, length);
            switch (kind)
            {
                case <= 3:
                    var data = new byte[length];
                    new Random(fill).NextBytes(data);
                    data.CopyTo(part);
                    await client.WriteAsync(offset, data, isStable, default);
                    break;
                case 4:
                    part.Span.Clear();
                    await client.WriteZeroesAsync(offset, length, isStable ? ZeroOptions.NoHole : ZeroOptions.None, default);
                    break;
                case 5:
                    part.Span.Clear();
                    await client.TrimAsync(offset, length, isStable, default);
                    break;
                case 6:
                    await client.FlushAsync(default);
                    break;
                case 7 when length > 0:
                    await ExpectAllocationAsync(client, shadow, offset, length);
                    break;
                default:
                    var target = new byte[length];
                    await client.ReadAsync(offset, target, default);
                    Assert.True(target.AsSpan().SequenceEqual(part.Span));
                    break;
            }
        }
    }

    /// <summary>What is said to read as zero does.</summary>
    private static async Task ExpectAllocationAsync(NbdClient client, byte[] shadow, int offset, int length)
    {
        var runs = new AllocationRun[5];
        var count = await client.QueryAllocationAsync(offset, length, runs, default);
        Assert.InRange(count, 1, runs.Length);
        Assert.InRange(runs[..count].Sum(r => r.Length), 1, length);
        foreach (var run in runs[..count])
        {
            Assert.True(run.Length > 0);
            Assert.False(run.ReadsAsZero && shadow.AsSpan(offset, (int)run.Length).ContainsAnyExcept((byte)0));
            offset += (int)run.Length;
        }
    }

    private sealed record Step(int Kind, int Offset, int Length, byte Fill, bool IsStable);
}
