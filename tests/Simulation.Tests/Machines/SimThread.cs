namespace ActorBackup.Simulation.Tests.Machines;

/// <summary>A thread without a context, where continuations run on the stack that completes what they wait for, deep enough for all of them, or wait for the simulation.</summary>
internal static class SimThread
{
    private const int StackBytes = 16 << 20;

    /// <summary>Runs the work there and waits for it. The work must not throw.</summary>
    public static T Run<T>(Func<T> work)
    {
        var result = default(T);
        var thread = new Thread(
            () =>
            {
                SimPool.Enter();
                result = work();
                SimPool.Leave();
            },
            StackBytes);
        thread.UnsafeStart();
        thread.Join();
        return result!;
    }
}
