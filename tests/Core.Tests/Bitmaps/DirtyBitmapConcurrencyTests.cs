namespace ActorBackup.Core.Tests.Bitmaps;

/// <summary>Threads share words and chunks; nobody's bit may be lost. The end result does not depend on their timing.</summary>
public sealed class DirtyBitmapConcurrencyTests
{
    private const int Blocks = 64 * 1024;
    private const int Threads = 4;

    [Fact]
    public void Bits_of_one_word_marked_by_different_threads_are_all_there()
    {
        var bitmap = DirtyBitmapTests.Of(Blocks);

        Together(thread =>
        {
            for (var block = thread; block < Blocks; block += Threads)
            {
                Assert.True(bitmap.Mark(block));
            }
        });

        Assert.Equal(Blocks, bitmap.Count());
        Assert.Equal([(0, Blocks)], bitmap.Runs());
    }

    [Fact]
    public void Of_threads_that_race_for_a_unit_exactly_one_marks_and_one_clears_it()
    {
        var bitmap = DirtyBitmapTests.Of(Blocks);
        var marked = 0;
        var cleared = 0;

        Together(_ =>
        {
            for (var block = 0; block < Blocks; block++)
            {
                if (bitmap.Mark(block))
                {
                    Interlocked.Increment(ref marked);
                }
            }
        });
        Assert.Equal(Blocks, marked);

        Together(_ =>
        {
            for (var block = 0; block < Blocks; block++)
            {
                if (bitmap.Clear(block))
                {
                    Interlocked.Increment(ref cleared);
                }
            }
        });
        Assert.Equal(Blocks, cleared);
        Assert.True(bitmap.IsEmpty());
    }

    [Fact]
    public void Clearing_some_bits_of_a_word_never_takes_a_neighbour_along()
    {
        var bitmap = DirtyBitmapTests.Of(Blocks);
        bitmap.MarkRange(0, Blocks);
        bitmap.ClearRange(0, Blocks);
        for (var block = 0; block < Blocks; block += 2)
        {
            bitmap.Mark(block);
        }

        // Even units go while odd ones come, in the same words: a copy job beside its guest.
        Together(thread =>
        {
            for (var word = 0; word < bitmap.WordCount; word++)
            {
                if (thread % 2 == 0)
                {
                    bitmap.ClearWord(word, 0x5555_5555_5555_5555);
                }
                else
                {
                    bitmap.MarkWord(word, 0xAAAA_AAAA_AAAA_AAAA);
                }
            }
        });

        for (var word = 0; word < bitmap.WordCount; word++)
        {
            Assert.Equal(0xAAAA_AAAA_AAAA_AAAA, bitmap.Word(word));
        }
    }

    /// <summary>
    /// The guest's write that finds its bit set is answered at once, so a walk must see that bit from then on, although the thread that set it
    /// may not have returned from its call.
    /// </summary>
    [Fact]
    public void A_bit_that_was_found_set_is_seen_by_every_walk()
    {
        const int Rounds = 12;
        const int Words = 1 << 18;
        var bitmap = DirtyBitmapTests.Of(Words * 64, unitBytes: 512);
        var missed = 0;
        for (var round = 0; round < Rounds; round++)
        {
            bitmap.ClearAll();
            Together(_ =>
            {
                for (var block = 64L; block < bitmap.BlockCount; block += 64)
                {
                    // From inside the word before, so that the walk passes over words.
                    if (!bitmap.Mark(block) && bitmap.NextSet(block - 63) != block)
                    {
                        Interlocked.Increment(ref missed);
                    }
                }
            });
        }

        Assert.Equal(0, missed);
    }

    [Fact]
    public void Ranges_that_overlap_across_threads_are_all_there()
    {
        var bitmap = DirtyBitmapTests.Of(Blocks);

        Together(thread =>
        {
            for (var first = thread * 37; first + 150 < Blocks; first += 200)
            {
                bitmap.MarkRange(first, first + 150);
            }
        });

        var shadow = new HashSet<long>();
        for (var thread = 0; thread < Threads; thread++)
        {
            for (var first = thread * 37; first + 150 < Blocks; first += 200)
            {
                shadow.UnionWith(Enumerable.Range(first, 150).Select(b => (long)b));
            }
        }

        Assert.Equal(shadow.Count, bitmap.Count());
        Assert.All(shadow, b => Assert.True(bitmap[b]));
    }

    /// <summary>Chunks come into being by marking and by merging at once: whoever comes second must not take the place of the first.</summary>
    [Fact]
    public void Marks_and_merges_that_bring_the_same_chunks_are_all_there()
    {
        const int Chunk = 32768;
        for (var round = 0; round < 50; round++)
        {
            var bitmap = DirtyBitmapTests.Of(64 * Chunk, unitBytes: 512);
            var others = Enumerable.Range(0, Threads).Select(_ => DirtyBitmapTests.Of(64 * Chunk, unitBytes: 512)).ToArray();
            for (var chunk = 0; chunk < 64; chunk++)
            {
                others[2].Mark((chunk * Chunk) + 2);
            }

            Together(thread =>
            {
                if (thread == 2)
                {
                    bitmap.UnionWith(others[thread]);
                    return;
                }

                for (var chunk = 0; chunk < 64; chunk++)
                {
                    var first = ((long)chunk * Chunk) + thread;
                    bitmap.MarkRange(first, thread == 3 ? first + (2 * Chunk) - 3 : first + 1);
                    chunk += thread == 3 ? 1 : 0;
                }
            });

            for (var chunk = 0; chunk < 64; chunk++)
            {
                Assert.Equal([true, true, true], Enumerable.Range(0, 3).Select(i => bitmap[((long)chunk * Chunk) + i]));
            }

            Assert.Equal(64L * Chunk, bitmap.Count());
        }
    }

    private static void Together(Action<int> work)
    {
        using var start = new Barrier(Threads);
        var failures = new Exception?[Threads];
        var threads = Enumerable.Range(0, Threads).Select(index => new Thread(() =>
        {
            try
            {
                start.SignalAndWait();
                work(index);
            }
            catch (Exception e)
            {
                failures[index] = e;
            }
        })).ToList();
        threads.ForEach(t => t.Start());
        threads.ForEach(t => t.Join());
        Assert.All(failures, Assert.Null);
    }
}
