namespace ActorBackup.Simulation.Tests.Machines;

/// <summary>A thread without a context, where continuations run on the stack that completes what they wait for; deep enough for all of them.</summary>
internal static class SimThread
{
    private const int StackBytes = 16 << 20;

    /// <summary>Runs the work there and waits for it. The work must not throw.</summary>
    public static T Run<T>(Func<T> work)
    {
        var result = default(T);
        var thread = new Thread(() => result = work(), StackBytes);
        thread.Start();
        thread.Join();
        return result!;
    }
}
