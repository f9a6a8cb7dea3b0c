namespace ActorBackup.Cli.Output;

/// <summary>How results are printed.</summary>
public enum OutputFormat
{
    Table,
    Json,
    Yaml,
}
