using System.Diagnostics;
using ActorBackup.Api;
using ActorBackup.Cli.Demo.Steps;

namespace ActorBackup.Cli.Demo;

/// <summary>The whole demo: an image, a node of its own, the steps one after the other, and what came of it.</summary>
public sealed class DemoRun(CliHost host, string nodeAssembly, string directory, string? image)
{
    private const int LogTailLines = 40;

    /// <summary>A unix socket's path has at most 108 bytes.</summary>
    private const int SocketPathMost = 100;

    private readonly DemoReport _report = new(host.Out);
    private string _step = "";

    /// <returns>0: every check held.</returns>
    /// <exception cref="CliException">The first that did not.</exception>
    public async Task<int> RunAsync(CancellationToken cancellation)
    {
        var watch = Stopwatch.StartNew();
        var log = Path.Combine(directory, "node.log");
        await using var node = new NodeProcess(nodeAssembly, directory, SocketPath(), log);
        try
        {
            await RunStepsAsync(node, cancellation);
        }
        catch (Exception e) when (e is DemoException or CliException or IOException or UnauthorizedAccessException or Core.Blocks.BlockDeviceException)
        {
            _report.Failed(e.Message);
            ShowLog(log);
            throw new CliException(ErrorCodes.Internal, $"the demo failed at step '{_step}': {e.Message}", ExitCodes.Failed);
        }

        _report.Title($"all {_report.Held} checks held, {watch.Elapsed.TotalSeconds:0} s");
        return ExitCodes.Done;
    }

    private async Task RunStepsAsync(NodeProcess node, CancellationToken cancellation)
    {
        var shell = new DemoShell(host, _report, directory);
        await using var world = new DemoWorld(directory, _report, shell, node);
        Begin($"0. A disk and a node of the demo's own, in {directory}");
        world.SizeBytes = await DemoImage.CreateAsync(world.ImagePath, image, _report, cancellation);
        _report.Command("./abk node run --data data");
        shell.Endpoint = await node.StartAsync(cancellation);
        _report.Say($"the node serves {shell.Endpoint}");
        IDemoStep[] steps =
        [
            new FullBackupStep(), new GuestWritesStep(), new IncrementalStep(), new FailHalfwayStep(),
            new RetryStep(), new RestoreStep(), new KillStep(),
        ];
        foreach (var step in steps)
        {
            Begin(step.Title);
            var watch = Stopwatch.StartNew();
            await step.RunAsync(world, cancellation);
            _report.Say($"{watch.Elapsed.TotalSeconds:0.0} s");
        }
    }

    private void Begin(string step)
    {
        _step = step;
        _report.Title(step);
    }

    private string SocketPath()
    {
        var beside = Path.Combine(directory, "nbd.sock");
        return beside.Length <= SocketPathMost ? beside : Path.Combine(Path.GetTempPath(), $"abk-{Environment.ProcessId}.sock");
    }

    private void ShowLog(string log)
    {
        if (File.Exists(log))
        {
            _report.Title($"the end of {log}");
            foreach (var line in File.ReadLines(log).TakeLast(LogTailLines))
            {
                _report.Say(line);
            }
        }
    }
}
