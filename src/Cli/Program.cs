using System.Runtime.InteropServices;
using ActorBackup.Cli;

using var interrupt = new CancellationTokenSource();
using var onInterrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
using var onTerminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
using var onHangUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, Stop);
return await Abk.RunAsync(args, CliHost.OfProcess(interrupt.Token));

void Stop(PosixSignalContext context)
{
    context.Cancel = true;
    interrupt.Cancel();
}
