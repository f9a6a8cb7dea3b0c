using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using ActorBackup.Api;
using ActorBackup.Cli.Values;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace ActorBackup.Cli.Commands;

/// <summary>A group in a file: YAML, or JSON, which is YAML.</summary>
public sealed class GroupFile(string path)
{
    private const long BytesMax = 1 << 20;

    private static readonly string[] Sizes = ["rate", "granularity"];

    /// <exception cref="CliException">The file cannot be read, or is no group; says where.</exception>
    public GroupRequest Read()
    {
        var root = Parse();
        try
        {
            return Convert(root)!.Deserialize(StrictJson.Default.GroupRequest)
                ?? throw Wrong(root, "it is empty");
        }
        catch (JsonException e)
        {
            // The path of what was refused, such as $.actions[0].backup.workers.
            throw new CliException(ErrorCodes.InvalidArgument, $"{path}: {Explain(e)}; 'abk group start --help' shows what a group looks like");
        }
    }

    private static string Explain(JsonException e)
    {
        var at = e.Path is null or "$" ? "" : $"{e.Path.TrimStart('$', '.')}: ";
        var text = e.Message.ReplaceLineEndings(" ");
        return text.Contains("could not be mapped", StringComparison.Ordinal) ? $"{at}there is no such key"
            : text.Contains("required", StringComparison.Ordinal) ? $"{at}something is missing ({text.Split(" Path:")[0]})"
            : $"{at}this value cannot be used here";
    }

    private YamlNode Parse()
    {
        string text;
        try
        {
            if (new FileInfo(path).Length > BytesMax)
            {
                throw new CliException(ErrorCodes.InvalidArgument, $"{path} is larger than {BytesMax} bytes; that is no group");
            }

            text = File.ReadAllText(path);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            if (Directory.Exists(path))
            {
                throw new CliException(ErrorCodes.NotAFile, $"{path} is a directory, and a group is a file");
            }

            throw new CliException(ErrorCodes.MissingFile, $"the group file {path} does not exist");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CliException(ErrorCodes.PermissionDenied, $"the group file {path} cannot be read: {e.Message}");
        }

        try
        {
            var stream = new YamlStream();
            stream.Load(new StringReader(text));
            return stream.Documents.Count == 1
                ? stream.Documents[0].RootNode
                : throw new CliException(ErrorCodes.InvalidArgument, $"{path} must hold one document, and it holds {stream.Documents.Count}");
        }
        catch (YamlException e)
        {
            throw new CliException(ErrorCodes.InvalidArgument, $"{path} is no YAML: line {e.Start.Line}: {e.Message.ReplaceLineEndings(" ")}");
        }
    }

    private JsonNode? Convert(YamlNode node) =>
        node switch
        {
            YamlMappingNode map => new JsonObject(map.Children.Select(Pair).DistinctBy(p => p.Key)),
            YamlSequenceNode list => new JsonArray([.. list.Children.Select(Convert)]),
            YamlScalarNode scalar => Scalar(scalar),
            _ => throw Wrong(node, "this cannot be read"),
        };

    private KeyValuePair<string, JsonNode?> Pair(KeyValuePair<YamlNode, YamlNode> pair)
    {
        var key = (pair.Key as YamlScalarNode)?.Value ?? throw Wrong(pair.Key, "a key must be a word");
        if (Sizes.Contains(key) && pair.Value is YamlScalarNode { Value: { } text } && !string.IsNullOrEmpty(text))
        {
            var bytes = ByteSize.TryParse(text.EndsWith("/s", StringComparison.OrdinalIgnoreCase) ? text[..^2] : text, out var size)
                ? size
                : throw Wrong(pair.Value, $"{key} '{text}' is no size: {ByteSize.Rule}");
            return new KeyValuePair<string, JsonNode?>(key, bytes);
        }

        var value = Convert(pair.Value);
        return new KeyValuePair<string, JsonNode?>(key, key == "policy" && value is JsonValue policy && policy.ToString() == "on-success" ? "conditional" : value);
    }

    private static JsonNode? Scalar(YamlScalarNode scalar)
    {
        var text = scalar.Value ?? "";
        return scalar.Style != ScalarStyle.Plain ? text
            : text is "" or "null" or "~" ? null
            : bool.TryParse(text, out var flag) ? flag
            : long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number
            : text;
    }

    private CliException Wrong(YamlNode node, string what) =>
        new(ErrorCodes.InvalidArgument, $"{path}, line {node.Start.Line}: {what}");
}
