using ActorBackup.Core.Blocks;

namespace ActorBackup.Storage.Reading;

/// <summary>Tells who reads a disk in sequence, and what they will want next.</summary>
/// <remarks>
/// A stream is where some reader's last request ended. A request that begins near that end belongs to it: clients send several at once, which overtake each
/// other. The second request of a stream begins reading ahead, and each later one doubles how far, up to the window. Some requests at a time follow each other
/// by chance; they cost a block or two. Safe from many threads.
/// </remarks>
internal sealed class ReadStreams(long windowBlocks)
{
    private const int StreamsMax = 8;
    private const long NearBlocks = 32;

    private readonly Lock _lock = new();
    private readonly List<Stream> _streams = new(StreamsMax);

    /// <summary>Notes a request for the blocks [first, end), and says which blocks to have ready now. None of them is said twice in one stream.</summary>
    public BlockRun Note(long first, long end)
    {
        if (windowBlocks < 1)
        {
            return default;
        }

        lock (_lock)
        {
            var at = _streams.FindIndex(s => Math.Abs(first - s.End) <= NearBlocks);
            if (at < 0)
            {
                if (_streams.Count == StreamsMax)
                {
                    _streams.RemoveAt(0);
                }

                _streams.Add(new Stream { End = end, AheadEnd = end });
                return default;
            }

            var stream = _streams[at];
            _streams.RemoveAt(at);
            _streams.Add(stream);
            return stream.Advance(end, windowBlocks);
        }
    }

    private sealed class Stream
    {
        private long _reach = 1;

        public long End { get; set; }

        public long AheadEnd { get; set; }

        public BlockRun Advance(long end, long windowBlocks)
        {
            if (end <= End)
            {
                // Overtaken, or small requests within one block: nothing new.
                return default;
            }

            End = end;
            _reach = Math.Min(_reach * 2, windowBlocks);
            var from = Math.Max(End, AheadEnd);
            AheadEnd = Math.Max(AheadEnd, End + _reach);
            return new BlockRun(from, AheadEnd - from);
        }
    }
}
