using System.Reflection;

namespace ActorBackup.Simulation.Tests.Machines;

/// <summary>What shipped code gives to the thread pool on the simulation's thread stays on that thread, where the seed orders it.</summary>
/// <remarks>
/// Task.Run, semaphores, asynchronous continuations and cancellations all end in the pool of the runtime, which has no seam. But it gives each of its own
/// threads a queue, and what such a thread queues goes there. The simulation's thread gets one too, hidden from the pool's threads, which would steal from
/// it. This uses the runtime's internals: another runtime may have others, and then this fails at once.
/// </remarks>
internal static class SimPool
{
    private const BindingFlags Anything = BindingFlags.Static | BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic;

    private static readonly Type Locals = TypeOf("ThreadPoolWorkQueueThreadLocals");
    private static readonly FieldInfo Current = FieldOf(Locals, "threadLocals");
    private static readonly FieldInfo Queue = FieldOf(Locals, "workStealingQueue");
    private static readonly ConstructorInfo Create = Locals.GetConstructors(Anything).Single(c => !c.IsStatic);
    private static readonly MethodInfo Hide = MethodOf(TypeOf("ThreadPoolWorkQueue+WorkStealingQueueList"), "Remove");
    private static readonly MethodInfo Pop = MethodOf(TypeOf("ThreadPoolWorkQueue+WorkStealingQueue"), "LocalPop");
    private static readonly object Pool = FieldOf(typeof(ThreadPool), "s_workQueue").GetValue(null)!;
    private static readonly Action<Task, Thread> Execute = MethodOf(typeof(Task), "ExecuteFromThreadPool").CreateDelegate<Action<Task, Thread>>();

    [ThreadStatic]
    private static Func<object?>? _pop;

    /// <summary>From now on the calling thread keeps its work.</summary>
    public static void Enter()
    {
        var locals = Create.Invoke([Pool]);
        GC.SuppressFinalize(locals);
        var queue = Queue.GetValue(locals)!;
        Hide.Invoke(null, [queue]);
        Current.SetValue(null, locals);
        _pop = Pop.CreateDelegate<Func<object?>>(queue);
    }

    /// <summary>What is left is nobody's any more.</summary>
    public static void Leave()
    {
        TakeInto([]);
        Current.SetValue(null, null);
        _pop = null;
    }

    /// <summary>Takes all that was queued.</summary>
    public static void TakeInto(List<Action> all)
    {
        while (TryTake() is { } work)
        {
            all.Add(work);
        }
    }

    /// <summary>The newest piece of work that was queued; null = none.</summary>
    public static Action? TryTake() =>
        _pop?.Invoke() switch
        {
            null => null,
            Task task => () => Execute(task, Thread.CurrentThread),
            IThreadPoolWorkItem work => work.Execute,
            var other => throw new InvalidOperationException($"The pool queues {other.GetType()} as well."),
        };

    private static Type TypeOf(string name) =>
        typeof(ThreadPool).Assembly.GetType("System.Threading." + name) ?? throw new MissingMemberException($"This runtime has no {name}.");

    private static FieldInfo FieldOf(Type type, string name) => type.GetField(name, Anything) ?? throw new MissingMemberException(type.Name, name);

    private static MethodInfo MethodOf(Type type, string name) => type.GetMethod(name, Anything) ?? throw new MissingMemberException(type.Name, name);
}
