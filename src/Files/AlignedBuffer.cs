using System.Runtime.CompilerServices;

namespace ActorBackup.Files;

/// <summary>Memory that the kernel can move to and from a device without a copy of its own. What is in it at first is anything.</summary>
public sealed class AlignedBuffer
{
    /// <summary>What addresses and offsets must be multiples of for that: at least the logical block of every device that we know.</summary>
    public const int AlignmentBytes = 4096;

    public unsafe AlignedBuffer(int bytes)
    {
        // Pinned, so that the address stays what it is.
        var array = GC.AllocateUninitializedArray<byte>(bytes + AlignmentBytes, pinned: true);
        var beyond = (int)((nuint)Unsafe.AsPointer(ref array[0]) % AlignmentBytes);
        Memory = array.AsMemory(beyond == 0 ? 0 : AlignmentBytes - beyond, bytes);
    }

    public Memory<byte> Memory { get; }

    public Span<byte> Span => Memory.Span;
}
