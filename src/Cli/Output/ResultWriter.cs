using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace ActorBackup.Cli.Output;

/// <summary>Prints a command's result on standard output, in the format that was asked for.</summary>
public sealed class ResultWriter(CliHost host, OutputFormat format)
{
    /// <param name="value">The resource.</param>
    /// <param name="type">How it is written as JSON; YAML has the same fields.</param>
    /// <param name="table">What a person reads.</param>
    public void Write<T>(T value, JsonTypeInfo<T> type, Action<TableWriter> table)
    {
        switch (format)
        {
            case OutputFormat.Json:
                host.Out.WriteLine(JsonLine.Of(value, type));
                break;
            case OutputFormat.Yaml:
                YamlText.Write(host.Out, JsonSerializer.SerializeToElement(value, type));
                break;
            default:
                table(new TableWriter(host.Out, host.Width));
                break;
        }
    }
}
