using ActorBackup.Nbd.Transport;

namespace ActorBackup.Nbd.Server;

/// <summary>Both halves of a connection over one channel, for the connection's own thread. The channel belongs to the caller.</summary>
internal sealed class Link : IDisposable
{
    public Link(Channel channel, BufferPool pool)
    {
        Input = new ReceiveBuffer(channel, pool);
        Sender = new Sender(channel);
        Batch = new ReplyBatch(Sender, pool);
        Pool = pool;
    }

    public ReceiveBuffer Input { get; }

    public Sender Sender { get; }

    public ReplyBatch Batch { get; }

    public BufferPool Pool { get; }

    /// <summary>Says the end; nobody may have anything to send any more.</summary>
    public void Dispose()
    {
        Sender.Close();
        Input.Dispose();
    }
}
