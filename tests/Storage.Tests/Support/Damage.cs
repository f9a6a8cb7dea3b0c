namespace ActorBackup.Storage.Tests.Support;

/// <summary>What disks do to bytes.</summary>
internal static class Damage
{
    public static byte[] FlipBit(ReadOnlySpan<byte> bytes, long bit)
    {
        var copy = bytes.ToArray();
        copy[bit / 8] ^= (byte)(1 << (int)(bit % 8));
        return copy;
    }
}
