using System.Buffers.Binary;
using System.Numerics;
using ActorBackup.Core.Blocks;

namespace ActorBackup.Storage.Trees;

/// <summary>A node's bytes: u8 version, u8 level, u16 zero, u32 mask, a digest per child that is there, ascending; docs/FORMAT.md.</summary>
/// <remarks>In memory a node is 32 digests; none = no child.</remarks>
public static class TreeNode
{
    public const byte Version = 1;
    public const int HeaderBytes = 8;
    public const int MaxBytes = HeaderBytes + (TreeShape.FanOut * BlockDigest.SizeBytes);

    /// <summary>32^12 blocks are more than any disk has.</summary>
    public const int MaxLevel = 11;

    /// <summary>Writes the node. Returns its length; 0 if it has no children, for such a node must not exist.</summary>
    public static int Encode(int level, ReadOnlySpan<BlockDigest> children, Span<byte> destination)
    {
        var mask = 0u;
        var length = HeaderBytes;
        for (var i = 0; i < TreeShape.FanOut; i++)
        {
            if (!children[i].IsNone)
            {
                mask |= 1u << i;
                children[i].CopyTo(destination[length..]);
                length += BlockDigest.SizeBytes;
            }
        }

        destination[0] = Version;
        destination[1] = (byte)level;
        destination[2] = destination[3] = 0;
        BinaryPrimitives.WriteUInt32LittleEndian(destination[4..], mask);
        return mask == 0 ? 0 : length;
    }

    /// <summary>Fills all 32 children.</summary>
    /// <exception cref="StorageException">Damaged, or of a newer version.</exception>
    public static void Decode(ReadOnlySpan<byte> bytes, int level, Span<BlockDigest> children)
    {
        if (bytes.Length < HeaderBytes)
        {
            throw Damaged("it is too short");
        }

        if (bytes[0] != Version)
        {
            throw new StorageException(StorageError.UnknownVersion, $"a node of an image tree was written by a newer version ({bytes[0]}) of ActorBackup; upgrade");
        }

        var mask = BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..]);
        if (bytes[1] != level || bytes[2] != 0 || bytes[3] != 0 || mask == 0 || bytes.Length != HeaderBytes + (BitOperations.PopCount(mask) * BlockDigest.SizeBytes))
        {
            throw Damaged("its header is wrong");
        }

        var offset = HeaderBytes;
        for (var i = 0; i < TreeShape.FanOut; i++)
        {
            children[i] = default;
            if ((mask & (1u << i)) != 0)
            {
                children[i] = new BlockDigest(bytes.Slice(offset, BlockDigest.SizeBytes));
                offset += BlockDigest.SizeBytes;
                if (children[i].IsNone)
                {
                    throw Damaged("a child has no digest");
                }
            }
        }
    }

    private static StorageException Damaged(string how) => new(StorageError.Damaged, $"a node of an image tree is damaged: {how}");
}
