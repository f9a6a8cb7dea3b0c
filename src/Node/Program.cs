using ActorBackup.Api;
using ActorBackup.Node.Startup;

if (args is ["--help" or "-h", ..] or ["help", ..])
{
    Console.WriteLine(NodeOptions.Usage);
    return ExitCodes.Done;
}

try
{
    return await NodeProcess.RunAsync(NodeOptions.Parse(args));
}
catch (StartupException e)
{
    await Console.Error.WriteLineAsync($"abk: {e.Message}");
    return e.ExitCode;
}
catch (Exception e)
{
    await Console.Error.WriteLineAsync($"abk: the node failed: {e.GetType().Name}: {e.Message.ReplaceLineEndings(" ")}");
    return ExitCodes.Failed;
}
