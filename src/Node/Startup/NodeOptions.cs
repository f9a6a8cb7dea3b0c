using System.Net;
using ActorBackup.Nbd.Tls;
using Akka.Configuration;

namespace ActorBackup.Node.Startup;

/// <summary>What <c>abk node run</c> was told, or its defaults.</summary>
public sealed record NodeOptions
{
    public const string Usage =
        """
        Run a node in the foreground.

        Usage: abk node run [--data DIR] [--http HOST:PORT] [--nbd HOST:PORT] [--nbd-socket PATH] [--config FILE] [--host LABEL] [--insecure]
                            [--nbd-tls-certificate PEM --nbd-tls-key PEM [--nbd-tls-client-ca PEM] [--nbd-tls require|allow|off]]

          --data DIR         journal, token and scratch (default ./abk-data)
          --http HOST:PORT   HTTP API (default 127.0.0.1:8440; port 0 = any free port)
          --nbd HOST:PORT    serve exports on TCP too; anything but loopback needs TLS or --insecure
          --nbd-tls-certificate PEM, --nbd-tls-key PEM
                             TLS for NBD over TCP: the server's certificate with those between it and its authority, and its key
          --nbd-tls-client-ca PEM
                             serve only clients whose certificates this authority issued
          --nbd-tls MODE     require (default when there is a certificate), allow or off
          --nbd-socket PATH  unix socket of the exports (default DATA/nbd.sock)
          --config FILE      HOCON: actorbackup { data, http, nbd, nbd-socket, nbd-tls-certificate, ..., host, insecure } and any akka setting
          --host LABEL       this node's host label (default: the host's name)
          --insecure         allow unencrypted NBD and HTTP beyond loopback

        Prints 'ready http=... nbd=...' when the API and all exports serve. SIGTERM stops in order.
        Example: abk node run --data /var/lib/actorbackup
        """;

    private static readonly string[] WithValue =
    [
        "--data", "--http", "--nbd", "--nbd-socket", "--nbd-tls", "--nbd-tls-certificate", "--nbd-tls-key", "--nbd-tls-client-ca", "--config", "--host",
    ];

    public required string DataDirectory { get; init; }
    public required IPEndPoint Http { get; init; }
    public IPEndPoint? NbdTcp { get; init; }

    /// <summary>For <see cref="NbdTcp"/>; null when it is in the clear.</summary>
    public ServerTls? NbdTls { get; init; }

    public required string NbdSocket { get; init; }
    public required string Host { get; init; }

    /// <summary>Settings of the file, in front of the built-in ones.</summary>
    public Config Settings { get; init; } = Config.Empty;

    /// <exception cref="StartupException">One clear line and the exit code.</exception>
    public static NodeOptions Parse(string[] arguments)
    {
        var given = new Dictionary<string, string>();
        for (var i = 0; i < arguments.Length; i++)
        {
            var (name, value) = Split(arguments[i]);
            if (name == "--insecure")
            {
                given[name] = "true";
                continue;
            }

            if (!WithValue.Contains(name))
            {
                throw StartupException.Usage($"unknown argument '{arguments[i]}'; 'abk node run --help' shows the arguments");
            }

            if (value is null && ++i >= arguments.Length)
            {
                throw StartupException.Usage($"{name} needs a value; 'abk node run --help' shows the arguments");
            }

            given[name] = value ?? arguments[i];
        }

        var settings = given.TryGetValue("--config", out var file) ? ReadSettings(file) : Config.Empty;
        string? Choose(string name) =>
            given.TryGetValue(name, out var value) ? value
            : settings.HasPath($"actorbackup.{name[2..]}") ? settings.GetString($"actorbackup.{name[2..]}") : null;

        var data = Path.GetFullPath(Choose("--data") ?? "abk-data");
        var isInsecure = Choose("--insecure") is "true" or "on" or "yes";
        var nbd = Choose("--nbd");
        var tls = NbdTlsOptions.Load(Choose, hasTcp: nbd is not null);
        return new NodeOptions
        {
            DataDirectory = data,
            Http = Guarded(ParseEndPoint("--http", Choose("--http") ?? "127.0.0.1:8440"), "--http", isInsecure),
            NbdTcp = nbd is null ? null : Guarded(ParseEndPoint("--nbd", nbd), "--nbd", isInsecure || tls?.Mode == TlsMode.Require),
            NbdTls = tls,
            NbdSocket = Path.GetFullPath(Choose("--nbd-socket") ?? Path.Combine(data, "nbd.sock")),
            Host = Choose("--host") ?? Environment.MachineName,
            Settings = settings,
        };
    }

    private static (string Name, string? Value) Split(string argument)
    {
        var equals = argument.IndexOf('=', StringComparison.Ordinal);
        return argument.StartsWith("--", StringComparison.Ordinal) && equals > 0 ? (argument[..equals], argument[(equals + 1)..]) : (argument, null);
    }

    private static Config ReadSettings(string file)
    {
        try
        {
            return ConfigurationFactory.ParseString(File.ReadAllText(file));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StartupException(Api.ExitCodes.Failed, $"cannot read the configuration file {file}: {e.Message}");
        }
        catch (Exception e)
        {
            throw StartupException.Usage($"the configuration file {file} is not valid HOCON: {e.Message.ReplaceLineEndings(" ")}");
        }
    }

    private static IPEndPoint ParseEndPoint(string name, string text)
    {
        var colon = text.LastIndexOf(':');
        var host = colon > 0 ? text[..colon].Trim('[', ']') : "";
        if (colon <= 0 || !ushort.TryParse(text.AsSpan(colon + 1), out var port))
        {
            throw StartupException.Usage($"{name} '{text}' is not HOST:PORT, for example 127.0.0.1:8440");
        }

        if (host == "localhost")
        {
            return new IPEndPoint(IPAddress.Loopback, port);
        }

        return IPAddress.TryParse(host, out var address)
            ? new IPEndPoint(address, port)
            : throw StartupException.Usage($"{name} '{text}': '{host}' is not an IP address or 'localhost'");
    }

    private static IPEndPoint Guarded(IPEndPoint endPoint, string name, bool isInsecure) =>
        IPAddress.IsLoopback(endPoint.Address) || isInsecure
            ? endPoint
            : throw StartupException.Usage($"{name} {endPoint} would serve unencrypted beyond this machine; use a loopback address{(name == "--nbd" ? ", require TLS (--nbd-tls-certificate)" : "")}, or add --insecure");
}
