namespace ActorBackup.Simulation.Tests.Machines;

/// <summary>Tasks of what asks for a scheduler of tasks: they go where all others go.</summary>
internal sealed class SimTasks : TaskScheduler
{
    public static SimTasks Instance { get; } = new();

    protected override void QueueTask(Task task) => ThreadPool.UnsafeQueueUserWorkItem(static t => t.Tasks.TryExecuteTask(t.Task), (Tasks: this, Task: task), preferLocal: true);

    protected override bool TryExecuteTaskInline(Task task, bool taskWasPreviouslyQueued) => false;

    protected override IEnumerable<Task> GetScheduledTasks() => [];
}
