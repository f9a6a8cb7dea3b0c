using ActorBackup.Nbd.Protocol;

namespace ActorBackup.Nbd.Server;

/// <summary>Why a request is answered with an error without asking the device.</summary>
internal readonly record struct Refusal(NbdErrno Error, string Message)
{
    public static Refusal None => default;

    public bool IsNone => Error == NbdErrno.None;
}
