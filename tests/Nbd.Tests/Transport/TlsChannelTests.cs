using ActorBackup.Nbd.Tests.Support;
using ActorBackup.Nbd.Tls;
using ActorBackup.Nbd.Transport;

namespace ActorBackup.Nbd.Tests.Transport;

public sealed class TlsChannelTests : IDisposable
{
    private readonly Authority _authority = new();
    private readonly SocketPair _pair = new();
    private readonly BufferPool _pool = new();

    [Fact]
    public async Task A_message_to_a_peer_that_does_not_read_keeps_nobody_waiting_and_arrives_in_order()
    {
        const int Messages = 400;
        const int Bytes = 50_000;
        var (left, right) = await ConnectAsync();
        var sender = new Sender(left);
        var messages = Enumerable.Range(0, Messages).Select(i => new Message(i, Bytes)).ToList();

        // 20 MB do not fit any socket's buffer.
        await Task.Run(() => messages.ForEach(sender.Post)).InTime();
        Assert.Contains(messages, m => !m.IsSent);

        using var input = new ReceiveBuffer(right, _pool);
        foreach (var message in messages)
        {
            var received = new byte[Bytes];
            Assert.True(await Task.Run(() => input.TryReceiveInto(received)).InTime());
            Assert.True(received.AsSpan().SequenceEqual(message.Content));
        }

        await Patience.UntilAsync(() => messages.TrueForAll(m => m.IsSent));
        Close(sender, left, right);
    }

    [Fact]
    public async Task Threads_that_send_and_post_at_once_do_not_mix_their_bytes()
    {
        const int Each = 500;
        const int Bytes = 64;
        var (left, right) = await ConnectAsync();
        var sender = new Sender(left);
        var posting = Enumerable.Range(0, 3).Select(t => Task.Run(() => Enumerable.Range(0, Each).ToList().ForEach(_ => sender.Post(new Message(t, Bytes))))).ToList();
        var sending = Task.Run(() => Enumerable.Range(0, Each).ToList().ForEach(_ => sender.Send(new Message(3, Bytes).Content)));

        using var input = new ReceiveBuffer(right, _pool);
        var counts = new int[4];
        for (var i = 0; i < 4 * Each; i++)
        {
            Assert.True(await Task.Run(() => input.TryFill(Bytes)).InTime());
            var content = input.Consume(Bytes).ToArray();
            var from = Enumerable.Range(0, 4).Single(t => content.AsSpan().SequenceEqual(new Message(t, Bytes).Content));
            counts[from]++;
        }

        await Task.WhenAll([.. posting, sending]).InTime();
        Assert.All(counts, c => Assert.Equal(Each, c));
        Close(sender, left, right);
    }

    [Fact]
    public async Task The_end_that_a_side_says_is_an_end_for_the_other()
    {
        var (left, right) = await ConnectAsync();
        var sender = new Sender(left);
        sender.Send("bye"u8);
        sender.Close();
        using var input = new ReceiveBuffer(right, _pool);
        Assert.True(input.TryFill(3));
        Assert.False(input.TryFill(4));

        // Nothing goes out after it, and nothing breaks.
        var late = new Message(1, 100);
        sender.Post(late);
        Assert.True(late.IsSent);
        left.Dispose();
        right.Dispose();
    }

    [Fact]
    public async Task A_peer_that_is_gone_frees_what_waits_to_be_sent()
    {
        var (left, right) = await ConnectAsync();
        var sender = new Sender(left);
        var messages = Enumerable.Range(0, 400).Select(i => new Message(i, 50_000)).ToList();
        messages.ForEach(sender.Post);
        _pair.Right.Dispose();
        await Patience.UntilAsync(() => messages.TrueForAll(m => m.IsSent));
        Close(sender, left, right);
    }

    public void Dispose()
    {
        _pair.Dispose();
        _authority.Dispose();
    }

    private static void Close(Sender sender, TlsChannel left, TlsChannel right)
    {
        left.Abort();
        sender.Close();
        left.Dispose();
        right.Dispose();
    }

    private async Task<(TlsChannel Left, TlsChannel Right)> ConnectAsync()
    {
        var left = new TlsChannel(new BlockingSocket(_pair.Left), _pool);
        var right = new TlsChannel(new BlockingSocket(_pair.Right), _pool);
        await Task.WhenAll(
            Task.Run(() => left.Accept(_authority.Server(TlsMode.Require).CreateOptions())),
            Task.Run(() => right.Connect(_authority.Client().CreateOptions("localhost", _ => { })))).InTime();
        return (left, right);
    }

    private sealed class Message : OutgoingMessage
    {
        private volatile bool _isSent;

        public Message(int seed, int sizeBytes)
        {
            Content = new byte[sizeBytes];
            new Random(seed).NextBytes(Content);
            Head = Content.AsMemory(0, sizeBytes / 3);
            Body = Content.AsMemory(sizeBytes / 3);
        }

        public byte[] Content { get; }

        public bool IsSent => _isSent;

        protected internal override void OnSent() => _isSent = true;
    }
}
