using System.CommandLine;
using System.CommandLine.Invocation;
using ActorBackup.Api;
using ActorBackup.Cli.Output;

namespace ActorBackup.Cli;

/// <summary>Runs one command line: parses, acts, and turns every failure into one line and an exit code.</summary>
public static class Abk
{
    public static async Task<int> RunAsync(string[] args, CliHost host)
    {
        if (args.Length == 0)
        {
            await RunAsync(["--help"], host);
            return ExitCodes.Usage;
        }

        var parsed = AbkCommand.Create(host).Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null });
        var errors = new ErrorWriter(host.Error, GlobalOptions.IsJson(parsed));
        try
        {
            if (parsed.Action is ParseErrorAction || (parsed.Action is null && parsed.Errors.Count > 0))
            {
                throw UsageError.Of(parsed);
            }

            UsageError.ThrowIfMistaken(parsed);

            var configuration = new InvocationConfiguration
            {
                Output = host.Out,
                Error = host.Error,
                EnableDefaultExceptionHandler = false,
                ProcessTerminationTimeout = null,
            };
            return await parsed.InvokeAsync(configuration, host.Interrupted);
        }
        catch (CliException e)
        {
            errors.Write(e.Code, e.Message);
            return e.ExitCode;
        }
        catch (OperationCanceledException) when (host.Interrupted.IsCancellationRequested)
        {
            errors.Write(ErrorCodes.Cancelled, "interrupted");
            return ExitCodes.Interrupted;
        }
        catch (IOException e)
        {
            errors.Write(ErrorCodes.InputOutput, e.Message);
            return ExitCodes.Failed;
        }
        catch (UnauthorizedAccessException e)
        {
            errors.Write(ErrorCodes.PermissionDenied, e.Message);
            return ExitCodes.Failed;
        }
#pragma warning disable CA1031 // The last resort: whatever went wrong, a person gets a line and no stack trace.
        catch (Exception e)
#pragma warning restore CA1031
        {
            errors.Write(ErrorCodes.Internal, $"{e.GetType().Name}: {e.Message} (this is a bug in abk)");
            return ExitCodes.Failed;
        }
    }
}
