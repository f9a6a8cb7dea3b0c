using ActorBackup.Core.Blocks;
using ActorBackup.Storage.Reading;

namespace ActorBackup.Storage.Tests.Reading;

public sealed class ReadStreamsTests
{
    private readonly ReadStreams _streams = new(windowBlocks: 16);

    [Fact]
    public void One_request_says_nothing_and_those_that_follow_reach_further_up_to_the_window()
    {
        Assert.Equal(default, _streams.Note(100, 101));
        Assert.Equal(new BlockRun(102, 2), _streams.Note(101, 102));
        Assert.Equal(new BlockRun(104, 3), _streams.Note(102, 103));
        Assert.Equal(new BlockRun(107, 5), _streams.Note(103, 104));
        Assert.Equal(new BlockRun(112, 9), _streams.Note(104, 105));
        Assert.Equal(new BlockRun(121, 1), _streams.Note(105, 106));
        Assert.Equal(new BlockRun(122, 1), _streams.Note(106, 107));
    }

    [Fact]
    public void Nothing_is_said_twice_and_overtaken_requests_say_nothing()
    {
        _streams.Note(0, 4);
        var said = new List<BlockRun>();
        foreach (var first in new[] { 8, 4, 16, 12, 20, 28, 24 })
        {
            said.Add(_streams.Note(first, first + 4));
        }

        Assert.Equal([12, 0, 20, 0, 24, 32, 0], said.Select(r => r.First));
        Assert.All(said.Where(r => r.Count > 0).Zip(said.Where(r => r.Count > 0).Skip(1)), p => Assert.True(p.First.End <= p.Second.First));
    }

    [Fact]
    public void Small_requests_within_one_block_count_once()
    {
        _streams.Note(5, 6);
        Assert.Equal(default, _streams.Note(5, 6));
        Assert.Equal(default, _streams.Note(5, 6));
        Assert.Equal(new BlockRun(7, 2), _streams.Note(6, 7));
    }

    [Fact]
    public void Eight_readers_in_sequence_do_not_disturb_each_other_and_scattered_requests_say_nothing()
    {
        for (var round = 0L; round < 10; round++)
        {
            for (var reader = 0L; reader < 8; reader++)
            {
                Assert.Equal(round > 0, _streams.Note((reader * 10_000) + round, (reader * 10_000) + round + 1).Count > 0);
            }
        }

        for (var block = 1_000_000L; block < 2_000_000; block += 1000)
        {
            Assert.Equal(0, _streams.Note(block, block + 1).Count);
        }
    }

    [Fact]
    public void Without_a_window_nothing_is_read_ahead()
    {
        var none = new ReadStreams(windowBlocks: 0);
        none.Note(0, 1);
        Assert.Equal(default, none.Note(1, 2));
    }
}
