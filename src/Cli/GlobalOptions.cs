using System.CommandLine;
using ActorBackup.Cli.Output;

namespace ActorBackup.Cli;

/// <summary>Options that every command takes.</summary>
public static class GlobalOptions
{
    public static readonly Option<string?> Endpoint = new("--endpoint")
    {
        Description = "URL of any node. Default: ACTORBACKUP_ENDPOINT, else http://127.0.0.1:8440",
        HelpName = "URL",
        Recursive = true,
    };

    public static readonly Option<string?> TokenFile = new("--token-file")
    {
        Description = "File with the node's token. Default: ACTORBACKUP_TOKEN, ACTORBACKUP_TOKEN_FILE, else the local node's DATA/token",
        HelpName = "PATH",
        Recursive = true,
    };

    public static readonly Option<OutputFormat> Output = CreateOutput();

    /// <summary>True when JSON was asked for, also on a command line that does not parse.</summary>
    public static bool IsJson(ParseResult parsed) =>
        parsed.GetResult(Output) is { Errors: var errors } result && !errors.Any()
        && result.GetValueOrDefault<OutputFormat>() == OutputFormat.Json;

    private static Option<OutputFormat> CreateOutput()
    {
        var output = new Option<OutputFormat>("--output", "-o")
        {
            Description = "table (default), json or yaml",
            HelpName = "FORMAT",
            Recursive = true,
            CustomParser = static result =>
            {
                switch (result.Tokens[0].Value)
                {
                    case "table":
                        return OutputFormat.Table;
                    case "json":
                        return OutputFormat.Json;
                    case "yaml":
                        return OutputFormat.Yaml;
                    default:
                        result.AddError($"unknown output '{result.Tokens[0].Value}'; use table, json or yaml");
                        return OutputFormat.Table;
                }
            },
        };
        output.CompletionSources.Add("table", "json", "yaml");
        return output;
    }
}
