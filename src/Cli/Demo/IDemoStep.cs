namespace ActorBackup.Cli.Demo;

/// <summary>One step of the demo: does something, shows it, and checks what must now be true.</summary>
public interface IDemoStep
{
    string Title { get; }

    Task RunAsync(DemoWorld world, CancellationToken cancellation);
}
