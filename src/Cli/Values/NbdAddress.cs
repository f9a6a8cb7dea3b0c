using System.Web;

namespace ActorBackup.Cli.Values;

/// <summary>An NBD URI taken apart: <c>nbd+unix:///EXPORT?socket=PATH</c> or <c>nbd://HOST:PORT/EXPORT</c>, or <c>nbds</c> for TLS.</summary>
/// <param name="Export">The export's name.</param>
/// <param name="Socket">Path of the unix socket, or null.</param>
/// <param name="Host">Host of a TCP server, or null.</param>
/// <param name="Port">Its port.</param>
/// <param name="IsSecure">Over TLS.</param>
public sealed record NbdAddress(string Export, string? Socket, string? Host, int Port, bool IsSecure = false)
{
    private const int DefaultPort = 10809;

    /// <summary>Null when the text is no such URI.</summary>
    public static NbdAddress? Parse(string? uri)
    {
        if (!Uri.TryCreate(uri, UriKind.Absolute, out var parsed))
        {
            return null;
        }

        var export = Uri.UnescapeDataString(parsed.AbsolutePath.TrimStart('/'));
        return parsed.Scheme switch
        {
            "nbd+unix" when HttpUtility.ParseQueryString(parsed.Query)["socket"] is { Length: > 0 } socket => new(export, socket, null, 0),
            "nbd" or "nbds" when parsed.Host.Length > 0 =>
                new(export, null, parsed.Host.Trim('[', ']'), parsed.Port > 0 ? parsed.Port : DefaultPort, parsed.Scheme == "nbds"),
            _ => null,
        };
    }
}
