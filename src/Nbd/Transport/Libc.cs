using System.Runtime.InteropServices;

namespace ActorBackup.Nbd.Transport;

/// <summary>Socket calls of the C library: what Socket does not offer is sending without waiting, and its own calls cost more.</summary>
internal static unsafe partial class Libc
{
    internal const int DontWait = 0x40;
    internal const int NoSignal = 0x4000;
    internal const int Eintr = 4;
    internal const int Eagain = 11;

    [LibraryImport("libc", EntryPoint = "recv", SetLastError = true)]
    internal static partial nint Receive(SafeHandle socket, byte* buffer, nuint length, int flags);

    [LibraryImport("libc", EntryPoint = "sendmsg", SetLastError = true)]
    internal static partial nint SendMessage(SafeHandle socket, MessageHeader* message, int flags);

    /// <summary>struct iovec.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct Piece
    {
        internal byte* Start;
        internal nuint Length;
    }

    /// <summary>struct msghdr of 64-bit Linux.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct MessageHeader
    {
        internal void* Name;
        internal uint NameLength;
        internal Piece* Pieces;
        internal nuint PieceCount;
        internal void* Control;
        internal nuint ControlLength;
        internal int Flags;
    }
}
