using ActorBackup.Api;

namespace ActorBackup.Cli.Output;

/// <summary>Errors on standard error: one line, and under <c>-o json</c> a second one with the stable code.</summary>
public sealed class ErrorWriter(TextWriter error, bool json)
{
    public void Write(string code, string message)
    {
        var line = message.ReplaceLineEndings(" ");
        error.WriteLine($"abk: {line}");
        if (json)
        {
            error.WriteLine(JsonLine.Of(new ApiErrorBody(new ApiError(code, line)), ApiJson.Default.ApiErrorBody));
        }
    }
}
