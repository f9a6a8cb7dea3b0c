using System.Collections.Concurrent;
using System.Diagnostics;
using Akka.Actor;
using Akka.Dispatch;
using Akka.Event;

namespace ActorBackup.Recovery.Tests.Support;

/// <summary>Keeps what no kill, failing file or absent repository can be the cause of.</summary>
internal sealed class MistakeLogger : ReceiveActor, IRequiresMessageQueue<ILoggerMessageQueueSemantics>
{
    private static readonly ConcurrentQueue<string> Mistakes = new();

    public MistakeLogger()
    {
        Receive<InitializeLogger>(_ => Sender.Tell(new LoggerInitialized(), Self));
        Receive<LogEvent>(e =>
        {
            if (e.Cause is UnreachableException or NullReferenceException or InvalidCastException or KeyNotFoundException or IndexOutOfRangeException
                || e.Message.ToString()?.Contains("cannot do anything with", StringComparison.Ordinal) == true)
            {
                Mistakes.Enqueue($"{e.LogSource}: {e.Message} {e.Cause}");
            }
        });
    }

    /// <summary>Of all systems of the process.</summary>
    public static IReadOnlyList<string> TakeAll()
    {
        var all = new List<string>();
        while (Mistakes.TryDequeue(out var mistake))
        {
            all.Add(mistake);
        }

        return all;
    }
}
