using ActorBackup.Api;
using ActorBackup.Nbd.Tls;

namespace ActorBackup.Node.Startup;

/// <summary>Reads what a node is told about TLS for NBD over TCP.</summary>
internal static class NbdTlsOptions
{
    /// <param name="choose">The setting of a name, or null.</param>
    /// <param name="hasTcp">There is TCP to protect.</param>
    /// <returns>Null when there is no TLS.</returns>
    /// <exception cref="StartupException">Settings contradict each other, or a file cannot be used.</exception>
    public static ServerTls? Load(Func<string, string?> choose, bool hasTcp)
    {
        var certificate = choose("--nbd-tls-certificate");
        var key = choose("--nbd-tls-key");
        var clientAuthority = choose("--nbd-tls-client-ca");
        var mode = ParseMode(choose("--nbd-tls") ?? (certificate is null && key is null && clientAuthority is null ? "off" : "require"));
        if (mode == TlsMode.Off)
        {
            return null;
        }

        if (certificate is null || key is null)
        {
            throw StartupException.Usage("TLS needs both --nbd-tls-certificate and --nbd-tls-key");
        }

        if (!hasTcp)
        {
            throw StartupException.Usage("TLS is for NBD over TCP; add --nbd HOST:PORT, or leave TLS out: the unix socket is protected by its mode");
        }

        try
        {
            var tls = ServerTls.Load(
                mode,
                Path.GetFullPath(certificate),
                Path.GetFullPath(key),
                clientAuthority is null ? null : Path.GetFullPath(clientAuthority),
                tell: static line => Console.Error.WriteLine($"nbd: {line}"));
            if (tls.ExpiresAt <= DateTimeOffset.UtcNow)
            {
                // Guests on the unix socket must not go without their disks for it.
                Console.Error.WriteLine($"nbd: the certificate {certificate} expired at {tls.ExpiresAt.UtcDateTime:u}; clients will refuse it over TCP");
            }

            return tls;
        }
        catch (TlsFileException e)
        {
            throw new StartupException(ExitCodes.Failed, $"cannot use TLS for NBD: {e.Message}");
        }
    }

    private static TlsMode ParseMode(string text) =>
        text switch
        {
            "require" => TlsMode.Require,
            "allow" => TlsMode.Allow,
            "off" => TlsMode.Off,
            _ => throw StartupException.Usage($"--nbd-tls '{text}' is none of require, allow and off"),
        };
}
