using CsCheck;

namespace ActorBackup.Core.Tests.Journal;

public sealed class RoundTripTests
{
    [Fact]
    public void Every_event_comes_back_from_its_bytes() =>
        EventGen.Any.Sample(
            e =>
            {
                var family = EventFamily.Of(e);
                var bytes = family.Encode(e);

                var back = family.Decode(family.ManifestOf(e), bytes);

                Assert.Equivalent(e, back, strict: true);
                Assert.Equal(e.GetType(), back.GetType());
                Assert.Equal(bytes, family.Encode(back));
            },
            iter: 3_000,
            threads: 1);

    [Fact]
    public void The_generator_makes_every_type_of_event()
    {
        var seen = new HashSet<Type>();
        EventGen.Any.Sample(e => seen.Add(e.GetType()) | true, iter: 3_000, threads: 1);

        Assert.Empty(EventFamily.All.SelectMany(f => f.EventTypes).Except(seen));
    }

    [Fact]
    public void A_manifest_of_a_newer_version_is_refused_and_named()
    {
        foreach (var family in EventFamily.All)
        {
            var e = Assert.Throws<NotSupportedException>(() => family.Decode(family.NewerManifest, []));
            Assert.Contains(family.NewerManifest, e.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Fields_that_a_newer_version_added_do_not_hinder_reading()
    {
        // Field 2000, a varint: not known to any message.
        byte[] added = [0x80, 0x7d, 0x01];
        foreach (var (_, e) in EventSamples.All)
        {
            var family = EventFamily.Of(e);
            var back = family.Decode(family.ManifestOf(e), [.. family.Encode(e), .. added]);
            Assert.Equivalent(e, back, strict: true);
        }
    }
}
