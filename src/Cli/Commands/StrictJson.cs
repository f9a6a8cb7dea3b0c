using System.Text.Json;
using System.Text.Json.Serialization;
using ActorBackup.Api;

namespace ActorBackup.Cli.Commands;

/// <summary>What people write: a key that means nothing is a mistake, not something to overlook.</summary>
[JsonSourceGenerationOptions(
    JsonSerializerDefaults.Web,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true,
    PropertyNameCaseInsensitive = false,
    NumberHandling = JsonNumberHandling.Strict)]
[JsonSerializable(typeof(GroupRequest))]
public sealed partial class StrictJson : JsonSerializerContext;
