using System.Text;
using ActorBackup.Core.Blocks;
using ActorBackup.Core.Identity;
using ActorBackup.Core.Packs;
using ActorBackup.Storage.Packs;
using ActorBackup.Storage.Points;
using ActorBackup.Storage.Repositories;
using ActorBackup.Storage.Sealed;
using ActorBackup.Storage.Tests.Packs;
using ActorBackup.Storage.Tests.Support;
using ActorBackup.Storage.Trees;

namespace ActorBackup.Storage.Tests.Format;

/// <summary>
/// The bytes of each kind of object as version 1 wrote them, one file each, hexadecimal. Repositories live for years: a file here is never changed;
/// a change of format is a new version with files of its own, beside these. ACTORBACKUP_WRITE_GOLDEN=1 writes files that are missing.
/// </summary>
public sealed class GoldenTests
{
    private const int LineBytes = 32;

    private static readonly bool WritesMissing = Environment.GetEnvironmentVariable("ACTORBACKUP_WRITE_GOLDEN") == "1";

    private static readonly DateTimeOffset At = new(2026, 3, 1, 12, 30, 45, 678, TimeSpan.Zero);

    private static readonly RecoveryPoint Complete = new()
    {
        Id = new PointId("01kjm8z5zem6th2z9w4v5qk3xd"),
        Disk = new DiskId("web-1"),
        Job = new JobId("01kjm8z5zem6th2z9w4v5qk3xd"),
        CreatedAt = At,
        SizeBytes = 10L * 1024 * 1024 * 1024,
        BlockBytes = 65536,
        Root = Content.Digest(1),
    };

    private static readonly RecoveryPoint Partial = Complete with
    {
        Group = new GroupId("01kjm8z5zem6th2z9w4v5qk3xe"),
        Base = new PointId("01kjm8z5zem6th2z9w4v5qk3xa"),
        SizeBytes = (10L * 1024 * 1024 * 1024) + 512,
        Root = default,
        Missing = [new BlockRun(0, 3), new BlockRun(7, 1), new BlockRun(163839, 2)],
    };

    [Fact]
    public void Golden_files_are_those_that_are_tested_here() =>
        Assert.Equal(
            ["manifest.1", "pack-data.1", "pack-tree.1", "point-complete.1", "point-partial.1", "tombstone.1", "tree-node.1"],
            Directory.GetFiles(SourceTree.Golden).Select(Path.GetFileNameWithoutExtension).Order(StringComparer.Ordinal));

    [Theory]
    [InlineData(PackKind.Data, "pack-data.1")]
    [InlineData(PackKind.Tree, "pack-tree.1")]
    public async Task A_pack_of_version_1_is_read_and_written_as_it_was(PackKind kind, string name)
    {
        var bytes = Golden(name, () => PackSamples.Small(kind).Bytes.ToArray());
        var store = new MemoryObjectStore();
        var key = PackSamples.Put(store, bytes, kind);

        var footer = await new PackReader(store).ReadFooterAsync(key, CancellationToken.None);
        Assert.Equal(kind, footer.Kind);
        Assert.Equal([BlockCompression.None, BlockCompression.Zstd, BlockCompression.Zstd], footer.Blocks.Select(b => b.Compression));
        Assert.Equal(PackSamples.Plain, await PackSamples.ReadAllAsync(store, key));

        // Another release of zstd may compress otherwise, so what is packed again are the bytes as stored.
        var builder = new PackBuilder(kind);
        foreach (var block in footer.Blocks)
        {
            builder.TryAdd(block.Digest, bytes.AsSpan((int)block.Offset, (int)block.StoredLength), block.Compression, (int)block.PlainLength);
        }

        Assert.Equal(Convert.ToHexStringLower(bytes), Convert.ToHexStringLower(builder.Seal().Bytes.Span));
    }

    [Fact]
    public void A_tree_node_of_version_1_is_read_and_written_as_it_was()
    {
        var children = new BlockDigest[TreeShape.FanOut];
        (children[0], children[9], children[31]) = (Content.Digest(1), Content.Digest(2), Content.Digest(3));
        var now = new byte[TreeNode.MaxBytes];
        now = now[..TreeNode.Encode(2, children, now)];
        var bytes = Golden("tree-node.1", () => now);

        var read = new BlockDigest[TreeShape.FanOut];
        TreeNode.Decode(bytes, 2, read);
        Assert.Equal(children, read);
        Assert.Equal(Convert.ToHexStringLower(bytes), Convert.ToHexStringLower(now));
    }

    [Theory]
    [InlineData(true, "point-complete.1")]
    [InlineData(false, "point-partial.1")]
    public void A_point_of_version_1_is_read_and_written_as_it_was(bool isComplete, string name)
    {
        var point = isComplete ? Complete : Partial;
        var bytes = Golden(name, () => PointCodec.Encode(point));

        Assert.Equivalent(point, PointCodec.Decode(point.Id, bytes), strict: true);
        Assert.Equal(Convert.ToHexStringLower(bytes), Convert.ToHexStringLower(PointCodec.Encode(point)));
    }

    [Fact]
    public void A_tombstone_of_version_1_is_read_and_written_as_it_was()
    {
        var bytes = Golden("tombstone.1", () => PointCodec.EncodeTombstone(Complete.Id, At));

        Assert.Null(PointCodec.Decode(Complete.Id, bytes));
        Assert.Equal(Convert.ToHexStringLower(bytes), Convert.ToHexStringLower(PointCodec.EncodeTombstone(Complete.Id, At)));
    }

    [Fact]
    public void A_manifest_of_version_1_is_read_and_written_as_it_was()
    {
        var manifest = new RepositoryManifest("01kjm8z5zem6th2z9w4v5qk3x0", At);
        var bytes = Golden("manifest.1", manifest.Encode);

        Assert.Equal(manifest, RepositoryManifest.Decode(bytes, "file:/r"));
        Assert.Equal(Convert.ToHexStringLower(bytes), Convert.ToHexStringLower(manifest.Encode()));
    }

    [Theory]
    [InlineData("point-complete.1", "ABKPOINT")]
    [InlineData("tombstone.1", "ABKTOMB\0")]
    [InlineData("manifest.1", "ABKREPO\0")]
    public void A_newer_version_is_refused_as_such(string name, string magic)
    {
        var payload = SealedObject.Open(Golden(name, null), Encoding.ASCII.GetBytes(magic), 1, name);
        var newer = SealedObject.Seal(Encoding.ASCII.GetBytes(magic), 2, payload.Span);

        var e = Assert.Throws<StorageException>(() => Decode(name, newer));
        Assert.Equal(StorageError.UnknownVersion, e.Error);
        Assert.Contains("upgrade", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("point-complete.1", "ABKPOINT")]
    [InlineData("tombstone.1", "ABKTOMB\0")]
    [InlineData("manifest.1", "ABKREPO\0")]
    public void A_field_that_is_not_known_is_passed_over(string name, string magic)
    {
        var payload = Encoding.UTF8.GetString(SealedObject.Open(Golden(name, null), Encoding.ASCII.GetBytes(magic), 1, name).Span);
        var more = SealedObject.Seal(Encoding.ASCII.GetBytes(magic), 1, Encoding.UTF8.GetBytes("{\"later\":[{}]," + payload[1..]));

        Assert.Equivalent(Decode(name, Golden(name, null)), Decode(name, more), strict: true);
    }

    [Theory]
    [InlineData("\"sha256\"", "\"blake3\"")]
    [InlineData("\"digest\"", "\"encryption\":\"aes\",\"digest\"")]
    public void A_digest_or_encryption_that_is_not_known_is_refused_as_a_newer_version(string old, string other)
    {
        var payload = Encoding.UTF8.GetString(SealedObject.Open(Golden("manifest.1", null), "ABKREPO\0"u8, 1, "it").Span);
        var bytes = SealedObject.Seal("ABKREPO\0"u8, 1, Encoding.UTF8.GetBytes(payload.Replace(old, other, StringComparison.Ordinal)));

        Assert.Equal(StorageError.UnknownVersion, Assert.Throws<StorageException>(() => RepositoryManifest.Decode(bytes, "file:/r")).Error);
    }

    private static object? Decode(string name, byte[] bytes) =>
        name == "manifest.1" ? RepositoryManifest.Decode(bytes, "file:/r") : PointCodec.Decode(Complete.Id, bytes);

    private static byte[] Golden(string name, Func<byte[]>? write)
    {
        var path = Path.Combine(SourceTree.Golden, name + ".hex");
        if (WritesMissing && write is not null && !File.Exists(path))
        {
            File.WriteAllText(path, string.Concat(write().Chunk(LineBytes).Select(c => Convert.ToHexStringLower(c) + "\n")), new UTF8Encoding(false));
        }

        Assert.True(File.Exists(path), $"{path} is missing; see the remark on this class.");
        return Convert.FromHexString(string.Concat(File.ReadAllLines(path)));
    }
}
