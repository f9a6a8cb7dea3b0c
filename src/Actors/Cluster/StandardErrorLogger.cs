using Akka.Actor;
using Akka.Dispatch;
using Akka.Event;

namespace ActorBackup.Actors.Cluster;

/// <summary>Akka's log on standard error: standard output belongs to the line that scripts wait for.</summary>
public sealed class StandardErrorLogger : ReceiveActor, IRequiresMessageQueue<ILoggerMessageQueueSemantics>
{
    public StandardErrorLogger()
    {
        Receive<InitializeLogger>(_ => Sender.Tell(new LoggerInitialized(), Self));
        Receive<LogEvent>(e => Console.Error.WriteLine(
            $"{e.Timestamp.ToUniversalTime():yyyy-MM-ddTHH:mm:ss.fffZ} {e.LogLevel().ToString().Replace("Level", "", StringComparison.Ordinal).ToLowerInvariant()} {e.LogSource}: {e.Message}{(e.Cause is null ? "" : $" ({e.Cause.GetType().Name}: {e.Cause.Message})")}"));
    }
}
