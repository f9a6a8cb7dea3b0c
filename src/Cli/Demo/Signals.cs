using System.Runtime.InteropServices;

namespace ActorBackup.Cli.Demo;

/// <summary>Asks a process to end in order; the class library can only kill.</summary>
public static partial class Signals
{
    private const int Terminate = 15;

    public static void AskToEnd(int processId) => _ = Kill(processId, Terminate);

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int processId, int signal);
}
