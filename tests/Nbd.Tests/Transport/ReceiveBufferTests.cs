using ActorBackup.Nbd.Tests.Support;
using ActorBackup.Nbd.Transport;
using CsCheck;

namespace ActorBackup.Nbd.Tests.Transport;

public sealed class ReceiveBufferTests
{
    private static readonly Gen<(int Kind, int Length)> AnyTake =
        Gen.Select(Gen.Int[0, 3], Gen.Frequency((5, Gen.Int[0, 2000]), (2, Gen.Int[0, 12_000]), (1, Gen.Int[0, 68_000])), (kind, length) => (kind, length));

    /// <summary>Takes a stream in every way there is while pieces of it are kept for later.</summary>
    [Fact]
    public void Bytes_come_in_order_and_retained_ones_stay_what_they_were() =>
        Gen.Select(AnyTake.Array[1, 40], Gen.Int[1, 70_000]).Sample(
            (takes, pieceBytes) =>
            {
                var stream = new byte[takes.Sum(t => t.Length)];
                new Random(pieceBytes).NextBytes(stream);
                using var pair = new SocketPair();
                var sending = new Thread(() => SendInPieces(pair, stream, pieceBytes));
                sending.Start();
                var pool = new BufferPool();
                var retained = new List<(SharedBuffer Buffer, ReadOnlyMemory<byte> Bytes, int At)>();
                using (var buffer = new ReceiveBuffer(new BlockingSocket(pair.Right), pool))
                {
                    var at = 0;
                    foreach (var (kind, length) in takes)
                    {
                        Take(buffer, kind, length, stream.AsSpan(at, length), at, retained);
                        at += length;
                    }

                    Assert.False(buffer.TryFill(1));
                }

                sending.Join();
                Assert.All(retained, r => Assert.True(r.Bytes.Span.SequenceEqual(stream.AsSpan(r.At, r.Bytes.Length))));
                retained.ForEach(r => r.Buffer.Release());
            },
            iter: 60,
            threads: 1);

    [Fact]
    public void An_end_before_enough_has_come_is_told_and_what_came_is_there()
    {
        using var pair = new SocketPair();
        pair.Left.Send([1, 2, 3]);
        pair.Left.Dispose();
        using var buffer = new ReceiveBuffer(new BlockingSocket(pair.Right), new BufferPool());
        Assert.False(buffer.TryFill(4));
        Assert.Equal([1, 2, 3], buffer.Buffered.ToArray());
        Assert.True(buffer.TryFill(3));
        Assert.Throws<ArgumentOutOfRangeException>(() => buffer.Consume(4));
        Assert.False(buffer.TrySkip(4));
        Assert.False(buffer.TryReceiveInto(new byte[1]));
    }

    private static void Take(
        ReceiveBuffer buffer,
        int kind,
        int length,
        ReadOnlySpan<byte> expected,
        int at,
        List<(SharedBuffer Buffer, ReadOnlyMemory<byte> Bytes, int At)> retained)
    {
        switch (kind)
        {
            case 0:
                Assert.True(buffer.TrySkip(length));
                break;
            case 1:
                var target = new byte[length];
                Assert.True(buffer.TryReceiveInto(target));
                Assert.True(expected.SequenceEqual(target));
                break;
            case 2:
                Assert.True(buffer.TryFill(length));
                Assert.True(expected.SequenceEqual(buffer.Consume(length).Span));
                break;
            default:
                Assert.True(buffer.TryFill(length));
                buffer.Current.Retain();
                retained.Add((buffer.Current, buffer.Consume(length), at));
                break;
        }
    }

    private static void SendInPieces(SocketPair pair, byte[] stream, int pieceBytes)
    {
        for (var sent = 0; sent < stream.Length;)
        {
            sent += pair.Left.Send(stream.AsSpan(sent, Math.Min(pieceBytes, stream.Length - sent)));
        }

        pair.Left.Dispose();
    }
}
