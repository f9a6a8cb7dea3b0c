using System.Text;

namespace ActorBackup.Core.Identity;

/// <summary>A bitmap's name, unique on its disk: not empty, at most 1023 bytes of UTF-8, as in QEMU.</summary>
public readonly record struct BitmapName(string Value)
{
    public const int MaxBytes = 1023;

    public bool IsTooLong => Encoding.UTF8.GetByteCount(Value) > MaxBytes;

    public override string ToString() => Value;
}
