namespace ActorBackup.Files;

/// <summary>Buffers of one size for whoever needs them next: the first touch of fresh memory costs more than the copy into it. Any number may be out.</summary>
public sealed class AlignedBufferPool(int bufferBytes, int keptMax)
{
    private readonly Stack<AlignedBuffer> _kept = new();

    public int BufferBytes { get; } = bufferBytes;

    public AlignedBuffer Rent()
    {
        lock (_kept)
        {
            if (_kept.TryPop(out var buffer))
            {
                return buffer;
            }
        }

        return new AlignedBuffer(BufferBytes);
    }

    public void Return(AlignedBuffer buffer)
    {
        lock (_kept)
        {
            if (_kept.Count < keptMax)
            {
                _kept.Push(buffer);
            }
        }
    }
}
