using System.Text.Json;
using System.Text.Json.Serialization;
using ActorBackup.Api;
using ActorBackup.Cli.Commands;

namespace ActorBackup.Cli.Output;

/// <summary>JSON of what only the command line prints.</summary>
[JsonSourceGenerationOptions(JsonSerializerDefaults.Web, Converters = [typeof(UtcTime)])]
[JsonSerializable(typeof(Removed))]
[JsonSerializable(typeof(Protection))]
[JsonSerializable(typeof(VersionText))]
public sealed partial class CliJson : JsonSerializerContext;
