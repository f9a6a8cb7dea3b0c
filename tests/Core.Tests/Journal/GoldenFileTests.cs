using System.Text;

namespace ActorBackup.Core.Tests.Journal;

/// <summary>
/// The bytes of every event as they were first written, one file per manifest. A journal lives for years: a file here is never changed, only added.
/// ACTORBACKUP_WRITE_GOLDEN=1 writes files that are missing; it never touches one that exists.
/// </summary>
public sealed class GoldenFileTests
{
    private static readonly bool WritesMissing = Environment.GetEnvironmentVariable("ACTORBACKUP_WRITE_GOLDEN") == "1";

    private static readonly string[] Known = [.. EventSamples.All.Select(s => EventFamily.Of(s.Event).ManifestOf(s.Event)).Distinct()];

    public static TheoryData<string> Manifests => [.. Known];

    [Theory]
    [MemberData(nameof(Manifests))]
    public void Bytes_of_every_event_stay_as_they_are(string manifest)
    {
        var now = SamplesOf(manifest).Select(s => $"{s.Label} {Convert.ToHexStringLower(EventFamily.Of(s.Event).Encode(s.Event))}").ToArray();
        var path = Path.Combine(SourceTree.Golden, manifest + ".hex");
        if (WritesMissing && !File.Exists(path))
        {
            File.WriteAllText(path, string.Join('\n', now) + "\n", new UTF8Encoding(false));
        }

        Assert.True(File.Exists(path), $"{path} is missing; see the remark on this class.");
        Assert.Equal(File.ReadAllLines(path), now);
    }

    [Theory]
    [MemberData(nameof(Manifests))]
    public void Golden_bytes_are_read_as_the_event_they_were(string manifest)
    {
        var stored = File.ReadAllLines(Path.Combine(SourceTree.Golden, manifest + ".hex")).Select(l => l.Split(' ')).ToDictionary(p => p[0], p => p[1]);
        foreach (var (label, e) in SamplesOf(manifest))
        {
            Assert.Equivalent(e, EventFamily.Of(e).Decode(manifest, Convert.FromHexString(stored[label])), strict: true);
        }
    }

    [Fact]
    public void Every_event_type_has_a_sample()
    {
        var missing = EventFamily.All.SelectMany(f => f.EventTypes).Except(EventSamples.All.Select(s => s.Event.GetType()));

        Assert.Empty(missing.Select(t => t.FullName));
    }

    [Fact]
    public void Every_golden_file_is_of_a_manifest_that_is_still_read()
    {
        var files = Directory.GetFiles(SourceTree.Golden, "*.hex").Select(Path.GetFileNameWithoutExtension).Order(StringComparer.Ordinal);

        Assert.Equal(Known.Order(StringComparer.Ordinal), files!);
    }

    [Fact]
    public void No_two_event_types_share_a_manifest()
    {
        var types = EventSamples.All.GroupBy(s => EventFamily.Of(s.Event).ManifestOf(s.Event), s => s.Event.GetType());

        Assert.All(types, manifest => Assert.Single(manifest.Distinct()));
    }

    [Fact]
    public void Every_aggregate_with_a_codec_is_tested_here()
    {
        var codecs = typeof(Messages.Disks.DiskEventCodec).Assembly.GetExportedTypes()
            .Where(t => t.Name.EndsWith("EventCodec", StringComparison.Ordinal))
            .Select(t => t.Name[..^"Codec".Length])
            .Order(StringComparer.Ordinal);

        Assert.Equal(EventFamily.All.Select(f => f.Root.Name).Order(StringComparer.Ordinal), codecs);
    }

    private static IEnumerable<(string Label, object Event)> SamplesOf(string manifest) =>
        EventSamples.All.Where(s => EventFamily.Of(s.Event).ManifestOf(s.Event) == manifest);
}
