using ActorBackup.Core.Blocks;
using ActorBackup.Storage.Tests.Support;
using ActorBackup.Storage.Trees;
using CsCheck;

namespace ActorBackup.Storage.Tests.Trees;

public sealed class TreeNodeTests
{
    [Fact]
    public void Any_children_come_back() =>
        Gen.Select(Gen.UInt, Gen.Int[0, TreeNode.MaxLevel]).Sample(
            (mask, level) =>
            {
                var children = Enumerable.Range(0, TreeShape.FanOut).Select(i => (mask & (1u << i)) != 0 ? Content.Digest(i) : default).ToArray();
                var bytes = new byte[TreeNode.MaxBytes];
                var length = TreeNode.Encode(level, children, bytes);
                if (mask == 0)
                {
                    return length == 0;
                }

                var read = new BlockDigest[TreeShape.FanOut];
                TreeNode.Decode(bytes.AsSpan(0, length), level, read);
                return read.AsSpan().SequenceEqual(children);
            });

    [Fact]
    public void Every_truncation_and_every_longer_node_is_damage()
    {
        var node = Sample();
        for (var length = 0; length < node.Length; length++)
        {
            Assert.Equal(StorageError.Damaged, ErrorOf(node[..length], 1));
        }

        Assert.Equal(StorageError.Damaged, ErrorOf([.. node, 0], 1));
        Assert.Null(ErrorOf(node, 1));
    }

    [Theory]
    [InlineData(0, 2, StorageError.UnknownVersion)]
    [InlineData(0, 0, StorageError.UnknownVersion)]
    [InlineData(1, 2, StorageError.Damaged)]
    [InlineData(2, 1, StorageError.Damaged)]
    [InlineData(3, 1, StorageError.Damaged)]
    [InlineData(4, 0b111, StorageError.Damaged)]
    [InlineData(4, 0, StorageError.Damaged)]
    public void A_wrong_header_is_refused(int offset, byte value, StorageError expected)
    {
        var node = Sample();
        node[offset] = value;

        Assert.Equal(expected, ErrorOf(node, 1));
    }

    [Fact]
    public void A_node_of_another_level_or_without_children_or_with_a_child_without_digest_is_damage()
    {
        Assert.Equal(StorageError.Damaged, ErrorOf(Sample(), 0));
        Assert.Equal(StorageError.Damaged, ErrorOf([1, 1, 0, 0, 0, 0, 0, 0], 1));
        Assert.Equal(StorageError.Damaged, ErrorOf([.. Sample()[..40], .. new byte[32]], 1));
    }

    /// <summary>Level 1, children 0 and 9.</summary>
    private static byte[] Sample()
    {
        var children = new BlockDigest[TreeShape.FanOut];
        (children[0], children[9]) = (Content.Digest(1), Content.Digest(2));
        var bytes = new byte[TreeNode.MaxBytes];
        return bytes[..TreeNode.Encode(1, children, bytes)];
    }

    private static StorageError? ErrorOf(byte[] node, int level)
    {
        try
        {
            TreeNode.Decode(node, level, new BlockDigest[TreeShape.FanOut]);
            return null;
        }
        catch (StorageException e)
        {
            return e.Error;
        }
    }
}
