using System.Text.Json;
using YamlDotNet.Core;
using YamlDotNet.Serialization;
using YamlDotNet.Serialization.EventEmitters;

namespace ActorBackup.Cli.Output;

/// <summary>The JSON of a resource as YAML.</summary>
public static class YamlText
{
    public static void Write(TextWriter output, JsonElement json) =>
        new SerializerBuilder()
            .WithQuotingNecessaryStrings()
            .WithEventEmitter(static next => new NullWord(next))
            .Build()
            .Serialize(output, Plain(json)!);

    private static object? Plain(JsonElement json) =>
        json.ValueKind switch
        {
            JsonValueKind.Object => json.EnumerateObject().ToDictionary(p => p.Name, p => Plain(p.Value)),
            JsonValueKind.Array => json.EnumerateArray().Select(Plain).ToList(),
            JsonValueKind.String => json.GetString(),
            JsonValueKind.Number => json.TryGetInt64(out var whole) ? whole : json.GetDouble(),
            JsonValueKind.True => true,
            JsonValueKind.False => false,
            _ => null,
        };

    /// <summary>The library writes null as nothing at all, which people read as an empty string.</summary>
    private sealed class NullWord(IEventEmitter next) : ChainedEventEmitter(next)
    {
        public override void Emit(ScalarEventInfo eventInfo, IEmitter emitter)
        {
            if (eventInfo.Source.Value is null)
            {
                emitter.Emit(new YamlDotNet.Core.Events.Scalar("null"));
            }
            else
            {
                base.Emit(eventInfo, emitter);
            }
        }
    }
}
