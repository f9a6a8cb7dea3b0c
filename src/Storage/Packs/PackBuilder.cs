using System.Buffers.Binary;
using System.Security.Cryptography;
using ActorBackup.Core.Blocks;
using ActorBackup.Core.Packs;
using ActorBackup.Files;

namespace ActorBackup.Storage.Packs;

/// <summary>Builds one pack at a time in memory; one thread at a time. Memory: the bytes of one pack, kept for the next.</summary>
public sealed class PackBuilder
{
    /// <summary>What packs are built to: one is full when another block would make it larger.</summary>
    public const int TargetBytes = 16 * 1024 * 1024;

    public const int MaxBlockBytes = 4 * 1024 * 1024;

    /// <summary>Enough for a job with few changes. A builder that needs more gets all that it may ever need: only what is filled costs memory.</summary>
    private const int FirstBytes = 256 * 1024;

    private readonly PackKind _kind;
    private readonly int _targetBytes;
    private readonly List<PackedBlock> _blocks = [];
    private Memory<byte> _bytes = new AlignedBuffer(FirstBytes).Memory;
    private int _length;

    public PackBuilder(PackKind kind)
        : this(kind, TargetBytes)
    {
    }

    /// <param name="kind">Of the packs.</param>
    /// <param name="targetBytes">When one is full.</param>
    internal PackBuilder(PackKind kind, int targetBytes)
    {
        (_kind, _targetBytes) = (kind, targetBytes);
        Reset();
    }

    public int Count => _blocks.Count;

    /// <summary>As it would be sealed now.</summary>
    public long SizeBytes => _length + ((long)_blocks.Count * PackFormat.EntryBytes) + PackFormat.TrailerBytes;

    /// <summary>False = does not fit: seal first. An empty builder takes anything up to <see cref="MaxBlockBytes"/>.</summary>
    public bool TryAdd(BlockDigest digest, ReadOnlySpan<byte> stored, BlockCompression compression, int plainBytes)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(stored.Length, MaxBlockBytes);
        if (_blocks.Count > 0 && (SizeBytes + stored.Length + PackFormat.EntryBytes > _targetBytes || _blocks.Count >= PackFormat.CountMax))
        {
            return false;
        }

        Reserve(stored.Length);
        stored.CopyTo(_bytes.Span[_length..]);
        _blocks.Add(new PackedBlock(digest, compression, (uint)_length, (uint)stored.Length, (uint)plainBytes));
        _length += stored.Length;
        return true;
    }

    /// <summary>The n-th block that was added.</summary>
    public PackedBlock BlockAt(int index) => _blocks[index];

    /// <summary>The bytes as stored of a block that was added.</summary>
    public ReadOnlySpan<byte> StoredBytes(PackedBlock block) => _bytes.Span.Slice((int)block.Offset, (int)block.StoredLength);

    /// <summary>Writes footer and trailer. May be repeated; nothing may be added before <see cref="Reset"/>.</summary>
    /// <param name="paddingBytes">Zeroes before the footer, which give a pack of the same blocks another name.</param>
    public SealedPack Seal(int paddingBytes = 0)
    {
        var footerBytes = _blocks.Count * PackFormat.EntryBytes;
        Reserve(paddingBytes + footerBytes + PackFormat.TrailerBytes);
        _bytes.Span.Slice(_length, paddingBytes).Clear();
        var blocksEnd = _length + paddingBytes;
        var footer = _bytes.Span.Slice(blocksEnd, footerBytes);
        for (var i = 0; i < _blocks.Count; i++)
        {
            PackEntry.Write(footer.Slice(i * PackFormat.EntryBytes, PackFormat.EntryBytes), _blocks[i]);
        }

        var trailer = _bytes.Span.Slice(blocksEnd + footerBytes, PackFormat.TrailerBytes);
        BinaryPrimitives.WriteUInt32LittleEndian(trailer, (uint)_blocks.Count);
        BinaryPrimitives.WriteUInt32LittleEndian(trailer[4..], (uint)footerBytes);
        SHA256.HashData(footer, trailer[8..]);
        PackFormat.TailMagic.CopyTo(trailer[(8 + SHA256.HashSizeInBytes)..]);
        var content = _bytes[..(blocksEnd + footerBytes + PackFormat.TrailerBytes)];
        return new SealedPack(PackFormat.KeyOf(_kind, content.Span), _kind, content, _blocks.ToArray());
    }

    /// <summary>Empty again. Bytes of a sealed pack are gone.</summary>
    public void Reset()
    {
        _blocks.Clear();
        _length = PackFormat.HeaderBytes;
        var header = _bytes.Span[..PackFormat.HeaderBytes];
        header.Clear();
        PackFormat.HeadMagic.CopyTo(header);
        BinaryPrimitives.WriteUInt32LittleEndian(header[8..], PackFormat.Version);
        header[12] = (byte)_kind;
    }

    private void Reserve(int more)
    {
        if (_length + more > _bytes.Length)
        {
            var larger = new AlignedBuffer(Math.Max(_length + more, TargetBytes + PackFormat.TrailerBytes)).Memory;
            _bytes[.._length].CopyTo(larger);
            _bytes = larger;
        }
    }
}
