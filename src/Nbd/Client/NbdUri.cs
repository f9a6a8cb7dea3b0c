using System.Diagnostics.CodeAnalysis;

namespace ActorBackup.Nbd.Client;

/// <summary>Where an export is: <c>nbd://host[:port]/name</c> or <c>nbd+unix:///name?socket=/path</c>; with <c>nbds</c> only over TLS.</summary>
/// <remarks>
/// Exactly one of SocketPath and Host is set. The name may be empty, which asks for the default export. Parameters of <c>nbds</c>:
/// <c>tls-certificates=DIR</c> (<see cref="TlsDirectory"/>) and <c>tls-hostname=NAME</c> (<see cref="TlsHostName"/>).
/// </remarks>
public sealed record NbdUri
{
    public const int DefaultPort = 10809;

    private const string TcpScheme = "nbd";
    private const string UnixScheme = "nbd+unix";
    private const string SecureTcpScheme = "nbds";
    private const string SecureUnixScheme = "nbds+unix";
    private const string SocketParameter = "socket=";
    private const string DirectoryParameter = "tls-certificates=";
    private const string HostNameParameter = "tls-hostname=";

    private NbdUri()
    {
    }

    public string? SocketPath { get; private init; }

    public string? Host { get; private init; }

    public int Port { get; private init; }

    public string ExportName { get; private init; } = "";

    /// <summary>Nothing is asked of a server that has no TLS or is not believed.</summary>
    public bool IsSecure { get; private init; }

    /// <summary>Of files that say whom to trust and who we are: see <see cref="Tls.ClientTls.FromDirectory"/>. Null for none.</summary>
    public string? TlsDirectory { get; init; }

    /// <summary>The name in the server's certificate, where that is not <see cref="Host"/>.</summary>
    public string? TlsHostName { get; init; }

    public static NbdUri Unix(string socketPath, string exportName, bool isSecure = false) =>
        new() { SocketPath = socketPath, ExportName = exportName, IsSecure = isSecure };

    public static NbdUri Tcp(string host, int port, string exportName, bool isSecure = false) =>
        new() { Host = host, Port = port, ExportName = exportName, IsSecure = isSecure };

    /// <exception cref="FormatException">Says what is wrong with the text.</exception>
    public static NbdUri Parse(string text)
    {
        if (!Uri.TryCreate(text, UriKind.Absolute, out var uri))
        {
            throw new FormatException($"'{text}' is not a URI.");
        }

        var name = uri.AbsolutePath.Length > 0 ? Uri.UnescapeDataString(uri.AbsolutePath[1..]) : "";
        var isSecure = uri.Scheme is SecureTcpScheme or SecureUnixScheme;
        var parsed = uri.Scheme switch
        {
            TcpScheme or SecureTcpScheme when uri.Host.Length > 0 => Tcp(uri.IdnHost, uri.Port > 0 ? uri.Port : DefaultPort, name, isSecure),
            TcpScheme or SecureTcpScheme => throw new FormatException($"'{text}' names no host."),
            UnixScheme or SecureUnixScheme => Unix(ParameterOf(uri, SocketParameter) ?? throw new FormatException($"'{text}' names no socket=PATH."), name, isSecure),
            _ => throw new FormatException($"'{text}' is none of nbd://, nbds://, nbd+unix:// and nbds+unix://."),
        };
        return isSecure ? parsed with { TlsDirectory = ParameterOf(uri, DirectoryParameter), TlsHostName = ParameterOf(uri, HostNameParameter) } : parsed;
    }

    public static bool TryParse(string text, [NotNullWhen(true)] out NbdUri? uri)
    {
        try
        {
            uri = Parse(text);
            return true;
        }
        catch (FormatException)
        {
            uri = null;
            return false;
        }
    }

    public override string ToString()
    {
        (string Name, string? Value)[] parameters = [(SocketParameter, SocketPath), (DirectoryParameter, TlsDirectory), (HostNameParameter, TlsHostName)];
        var query = string.Join('&', parameters.Where(p => p.Value is not null).Select(p => p.Name + Escape(p.Value!)));
        query = query.Length > 0 ? "?" + query : "";
        var name = Uri.EscapeDataString(ExportName);
        return SocketPath is not null
            ? $"{(IsSecure ? SecureUnixScheme : UnixScheme)}:///{name}{query}"
            : $"{(IsSecure ? SecureTcpScheme : TcpScheme)}://{(Host!.Contains(':') ? $"[{Host}]" : Host)}:{Port}/{name}{query}";
    }

    private static string Escape(string value) => Uri.EscapeDataString(value).Replace("%2F", "/", StringComparison.Ordinal);

    /// <param name="uri">Whose query is searched.</param>
    /// <param name="name">With its <c>=</c>.</param>
    private static string? ParameterOf(Uri uri, string name)
    {
        var parameter = uri.Query.TrimStart('?').Split('&').FirstOrDefault(p => p.StartsWith(name, StringComparison.Ordinal));
        return parameter?.Length > name.Length ? Uri.UnescapeDataString(parameter[name.Length..]) : null;
    }
}
