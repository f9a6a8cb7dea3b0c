using System.Buffers.Binary;
using ActorBackup.Nbd.Tests.Support;
using ActorBackup.Nbd.Transport;

namespace ActorBackup.Nbd.Tests.Transport;

public sealed class SenderTests
{
    [Fact]
    public async Task Messages_of_many_threads_arrive_whole_and_those_of_one_thread_in_order()
    {
        const int Threads = 6;
        const int PerThread = 300;
        using var pair = new SocketPair();
        var sender = new Sender(new BlockingSocket(pair.Left));
        var sent = new CountdownEvent(Threads * PerThread);
        var sending = Enumerable.Range(0, Threads).Select(thread => Task.Run(() =>
        {
            var random = new Random(thread);
            for (var i = 0; i < PerThread; i++)
            {
                var bodyBytes = random.Next(5) == 0 ? random.Next(60_000) : random.Next(100);
                var message = new Message(thread, i, bodyBytes, () => sent.Signal());
                if (thread == 0)
                {
                    sender.Send([.. message.HeadBytes, .. message.BodyBytes]);
                    sent.Signal();
                }
                else
                {
                    sender.Post(message);
                }
            }
        })).ToArray();

        var next = new int[Threads];
        for (var i = 0; i < Threads * PerThread; i++)
        {
            var head = Receive(pair, Message.HeadLength);
            var thread = BinaryPrimitives.ReadInt32BigEndian(head);
            Assert.Equal(next[thread]++, BinaryPrimitives.ReadInt32BigEndian(head.AsSpan(4)));
            var body = Receive(pair, BinaryPrimitives.ReadInt32BigEndian(head.AsSpan(8)));
            Assert.False(body.AsSpan().ContainsAnyExcept((byte)thread));
        }

        await Task.WhenAll(sending).InTime();
        Assert.True(sent.Wait(Patience.Limit));
    }

    [Fact]
    public async Task Posting_never_waits_for_a_peer_that_does_not_read_and_all_arrives_when_it_does()
    {
        const int Count = 200;
        using var pair = new SocketPair();
        var sender = new Sender(new BlockingSocket(pair.Left));
        var sent = new CountdownEvent(Count);
        await Task.Run(() =>
        {
            for (var i = 0; i < Count; i++)
            {
                sender.Post(new Message(0, i, 50_000, () => sent.Signal()));
            }
        }).InTime();
        Assert.True(sent.CurrentCount > 0);
        for (var i = 0; i < Count; i++)
        {
            Assert.Equal(i, BinaryPrimitives.ReadInt32BigEndian(Receive(pair, Message.HeadLength).AsSpan(4)));
            Receive(pair, 50_000);
        }

        Assert.True(sent.Wait(Patience.Limit));
    }

    [Fact]
    public void A_peer_that_is_gone_gets_nothing_and_every_message_is_told_so()
    {
        const int Count = 50;
        using var pair = new SocketPair();
        var sender = new Sender(new BlockingSocket(pair.Left));
        var sent = new CountdownEvent(Count);
        for (var i = 0; i < Count; i++)
        {
            if (i == Count / 2)
            {
                pair.Right.Dispose();
            }

            sender.Post(new Message(0, i, 50_000, () => sent.Signal()));
            if (i > Count / 2)
            {
                sender.Send(new byte[1000]);
            }
        }

        Assert.True(sent.Wait(Patience.Limit));
    }

    private static byte[] Receive(SocketPair pair, int count)
    {
        var bytes = new byte[count];
        for (var received = 0; received < count;)
        {
            var part = pair.Right.Receive(bytes, received, count - received, System.Net.Sockets.SocketFlags.None);
            Assert.True(part > 0);
            received += part;
        }

        return bytes;
    }

    private sealed class Message : OutgoingMessage
    {
        public const int HeadLength = 12;

        private readonly Action _onSent;

        public Message(int thread, int number, int bodyBytes, Action onSent)
        {
            _onSent = onSent;
            HeadBytes = new byte[HeadLength];
            BinaryPrimitives.WriteInt32BigEndian(HeadBytes, thread);
            BinaryPrimitives.WriteInt32BigEndian(HeadBytes.AsSpan(4), number);
            BinaryPrimitives.WriteInt32BigEndian(HeadBytes.AsSpan(8), bodyBytes);
            BodyBytes = new byte[bodyBytes];
            BodyBytes.AsSpan().Fill((byte)thread);
            Head = HeadBytes;
            Body = BodyBytes;
        }

        public byte[] HeadBytes { get; }

        public byte[] BodyBytes { get; }

        protected internal override void OnSent() => _onSent();
    }
}
