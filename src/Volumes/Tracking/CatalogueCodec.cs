using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using ActorBackup.Core.Identity;

namespace ActorBackup.Volumes.Tracking;

/// <summary>Catalogues as bytes. Little-endian; text is UTF-8 behind a 16-bit length. docs/TRACKING.md has the field table.</summary>
internal static class CatalogueCodec
{
    private const int StoredPageBytes = sizeof(uint) + sizeof(ulong);

    // Everything of a set but its pages: fixed fields, a job id and a reason of ordinary length.
    private const int SetHeaderBytesMax = 1024;
    private const int FixedBytesMax = 16 * 1024;

    [Flags]
    private enum DefinitionFlags : uint
    {
        ReadOnly = 1,
        AssumeDurable = 2,
        Exclusive = 4,
        Resizing = 8,
    }

    [Flags]
    private enum SetFlags : byte
    {
        Recording = 1,
        Inconsistent = 2,
    }

    /// <summary>An upper bound on the size of a catalogue of so many sets with so many pages in all.</summary>
    public static long MaxBytes(int sets, long pages) => FixedBytesMax + ((long)sets * SetHeaderBytesMax) + (pages * StoredPageBytes);

    public static byte[] Encode(Catalogue catalogue)
    {
        var output = new ArrayBufferWriter<byte>();
        var definition = catalogue.Definition;
        WriteText(output, definition.Id.Value);
        WriteText(output, definition.BackingPath);
        WriteInt64(output, definition.SizeBytes);
        WriteUInt32(output, (uint)definition.BlockBytes);
        WriteUInt32(output, (uint)FlagsOf(definition));
        WriteUInt32(output, (uint)catalogue.Sets.Count);
        foreach (var set in catalogue.Sets)
        {
            WriteSet(output, set);
        }

        WriteUInt32(output, (uint)catalogue.Roots.Count);
        foreach (var root in catalogue.Roots)
        {
            WriteText(output, root.Job.Value);
            WriteBytes(output, root.Root);
        }

        WriteSuspended(output, catalogue.Suspended);
        return output.WrittenSpan.ToArray();
    }

    /// <exception cref="VolumeException">The bytes are no catalogue. The checksum was right, so they were written wrong.</exception>
    public static Catalogue Decode(ReadOnlySpan<byte> bytes)
    {
        try
        {
            return DecodeChecked(bytes);
        }
        catch (ArgumentException e)
        {
            throw new VolumeException(VolumeError.Damaged, "The tracking file's catalogue cannot be read. Create a new one; every bitmap starts inconsistent.", e);
        }
    }

    private static Catalogue DecodeChecked(ReadOnlySpan<byte> bytes)
    {
        var id = new DiskId(ReadText(ref bytes));
        var path = ReadText(ref bytes);
        var size = ReadInt64(ref bytes);
        var block = (int)ReadUInt32(ref bytes);
        var flags = (DefinitionFlags)ReadUInt32(ref bytes);
        var sets = new CatalogueSet[ReadUInt32(ref bytes)];
        for (var i = 0; i < sets.Length; i++)
        {
            sets[i] = ReadSet(ref bytes);
        }

        var roots = new CheckpointRoot[ReadUInt32(ref bytes)];
        for (var i = 0; i < roots.Length; i++)
        {
            roots[i] = new CheckpointRoot(new JobId(ReadText(ref bytes)), ReadBytes(ref bytes).ToArray());
        }

        var definition = new DiskDefinition(id, path, size, block)
        {
            IsReadOnly = flags.HasFlag(DefinitionFlags.ReadOnly),
            AssumeDurable = flags.HasFlag(DefinitionFlags.AssumeDurable),
            IsExclusive = flags.HasFlag(DefinitionFlags.Exclusive),
            IsResizing = flags.HasFlag(DefinitionFlags.Resizing),
        };
        return new Catalogue(definition, sets, roots) { Suspended = ReadSuspended(ref bytes) };
    }

    /// <summary>The part is absent where there is nothing to say: so older files are, and so older programs expect them.</summary>
    private static void WriteSuspended(ArrayBufferWriter<byte> output, IReadOnlyList<SuspendedNote> notes)
    {
        if (notes.Count == 0)
        {
            return;
        }

        WriteUInt32(output, (uint)notes.Count);
        foreach (var note in notes)
        {
            WriteText(output, note.Job.Value);
            WriteInt64(output, note.IndexOffset);
            WriteUInt32(output, (uint)note.IndexBytes);
            WriteInt64(output, (long)note.IndexChecksum);
        }
    }

    private static SuspendedNote[] ReadSuspended(ref ReadOnlySpan<byte> bytes)
    {
        var notes = new SuspendedNote[bytes.IsEmpty ? 0 : ReadUInt32(ref bytes)];
        for (var i = 0; i < notes.Length; i++)
        {
            notes[i] = new SuspendedNote(new JobId(ReadText(ref bytes)), ReadInt64(ref bytes), (int)ReadUInt32(ref bytes), (ulong)ReadInt64(ref bytes));
        }

        return notes;
    }

    private static DefinitionFlags FlagsOf(DiskDefinition definition) =>
        (definition.IsReadOnly ? DefinitionFlags.ReadOnly : 0)
        | (definition.AssumeDurable ? DefinitionFlags.AssumeDurable : 0)
        | (definition.IsExclusive ? DefinitionFlags.Exclusive : 0)
        | (definition.IsResizing ? DefinitionFlags.Resizing : 0);

    private static void WriteSet(ArrayBufferWriter<byte> output, CatalogueSet set)
    {
        WriteInt64(output, (long)set.Id);
        var flags = (set.IsRecording ? SetFlags.Recording : 0) | (set.InconsistentReason is null ? 0 : SetFlags.Inconsistent);
        ReadOnlySpan<byte> roleAndFlags = [(byte)set.Role, (byte)flags];
        output.Write(roleAndFlags);
        WriteInt64(output, (long)set.ParentId);
        WriteInt64(output, set.GranularityBytes);
        WriteText(output, set.Job?.Value ?? "");
        WriteText(output, set.InconsistentReason ?? "");
        WriteUInt32(output, (uint)set.Pages.Length);
        foreach (var page in set.Pages)
        {
            WriteUInt32(output, page.Number);
            WriteInt64(output, (long)page.Checksum);
        }
    }

    private static CatalogueSet ReadSet(ref ReadOnlySpan<byte> bytes)
    {
        var id = (ulong)ReadInt64(ref bytes);
        var role = (SetRole)Take(ref bytes, 1)[0];
        var flags = (SetFlags)Take(ref bytes, 1)[0];
        var parent = (ulong)ReadInt64(ref bytes);
        var granularity = ReadInt64(ref bytes);
        var job = ReadText(ref bytes);
        var reason = ReadText(ref bytes);
        var pages = new StoredPage[ReadUInt32(ref bytes)];
        for (var i = 0; i < pages.Length; i++)
        {
            pages[i] = new StoredPage(ReadUInt32(ref bytes), (ulong)ReadInt64(ref bytes));
        }

        return new CatalogueSet
        {
            Id = id,
            Role = role,
            IsRecording = flags.HasFlag(SetFlags.Recording),
            GranularityBytes = granularity,
            ParentId = parent,
            Job = job.Length == 0 ? null : new JobId(job),
            InconsistentReason = flags.HasFlag(SetFlags.Inconsistent) ? reason : null,
            Pages = pages,
        };
    }

    private static void WriteInt64(ArrayBufferWriter<byte> output, long value)
    {
        BinaryPrimitives.WriteInt64LittleEndian(output.GetSpan(sizeof(long)), value);
        output.Advance(sizeof(long));
    }

    private static void WriteUInt32(ArrayBufferWriter<byte> output, uint value)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(output.GetSpan(sizeof(uint)), value);
        output.Advance(sizeof(uint));
    }

    private static void WriteText(ArrayBufferWriter<byte> output, string text) => WriteBytes(output, Encoding.UTF8.GetBytes(text));

    private static void WriteBytes(ArrayBufferWriter<byte> output, ReadOnlySpan<byte> bytes)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(output.GetSpan(sizeof(ushort)), checked((ushort)bytes.Length));
        output.Advance(sizeof(ushort));
        output.Write(bytes);
    }

    private static ReadOnlySpan<byte> Take(ref ReadOnlySpan<byte> bytes, int count)
    {
        var taken = bytes[..count];
        bytes = bytes[count..];
        return taken;
    }

    private static long ReadInt64(ref ReadOnlySpan<byte> bytes) => BinaryPrimitives.ReadInt64LittleEndian(Take(ref bytes, sizeof(long)));

    private static uint ReadUInt32(ref ReadOnlySpan<byte> bytes) => BinaryPrimitives.ReadUInt32LittleEndian(Take(ref bytes, sizeof(uint)));

    private static string ReadText(ref ReadOnlySpan<byte> bytes) => Encoding.UTF8.GetString(ReadBytes(ref bytes));

    private static ReadOnlySpan<byte> ReadBytes(ref ReadOnlySpan<byte> bytes) =>
        Take(ref bytes, BinaryPrimitives.ReadUInt16LittleEndian(Take(ref bytes, sizeof(ushort))));
}
