using System.Net.Security;
using System.Security.Cryptography.X509Certificates;

namespace ActorBackup.Nbd.Tls;

/// <summary>Which servers a client believes, and who it says it is.</summary>
/// <remarks>The server's certificate must be for the name that the client connects to: <see cref="ServerName"/>, else the host of the URI.</remarks>
public sealed class ClientTls
{
    private readonly X509Certificate2Collection? _authorities;
    private readonly SslStreamCertificateContext? _identity;

    private ClientTls(X509Certificate2Collection? authorities, SslStreamCertificateContext? identity)
    {
        _authorities = authorities;
        _identity = identity;
    }

    /// <summary>Believes the authorities of the operating system and shows no certificate.</summary>
    public static ClientTls Default { get; } = new(null, null);

    /// <summary>The name that the server must prove, where that is not the host of the URI; for a unix socket <c>localhost</c> unless set.</summary>
    public string? ServerName { get; private init; }

    public ClientTls WithServerName(string name) => new(_authorities, _identity) { ServerName = name };

    /// <param name="authorityPath">Who issues the server's certificate, and nobody else does; null for the authorities of the operating system.</param>
    /// <param name="certificatePath">The client's certificate, where the server wants one, then those between it and its authority.</param>
    /// <param name="keyPath">Its key, without a passphrase; set if and only if there is a certificate.</param>
    /// <exception cref="TlsFileException">A file cannot be used.</exception>
    public static ClientTls Load(string? authorityPath, string? certificatePath = null, string? keyPath = null)
    {
        var authorities = authorityPath is null ? null : PemFile.ReadCertificates(authorityPath);
        if (certificatePath is null != keyPath is null)
        {
            throw new TlsFileException("a client certificate and its key are given together or not at all");
        }

        if (certificatePath is null)
        {
            return new ClientTls(authorities, null);
        }

        var (certificate, intermediates) = PemFile.ReadIdentity(certificatePath, keyPath!);
        return new ClientTls(authorities, SslStreamCertificateContext.Create(certificate, intermediates, offline: true));
    }

    /// <summary>Files under the names that GnuTLS, libnbd and QEMU use: <c>ca-cert.pem</c>, and <c>client-cert.pem</c> with <c>client-key.pem</c> where the server wants them.</summary>
    /// <exception cref="TlsFileException">A file cannot be used.</exception>
    public static ClientTls FromDirectory(string directory)
    {
        var certificate = Path.Combine(directory, "client-cert.pem");
        var isKnown = File.Exists(certificate);
        return Load(Path.Combine(directory, "ca-cert.pem"), isKnown ? certificate : null, isKnown ? Path.Combine(directory, "client-key.pem") : null);
    }

    /// <summary>For one connection.</summary>
    /// <param name="host">Of the URI; null for a unix socket.</param>
    /// <param name="onRefused">Told why the server is not believed.</param>
    internal SslClientAuthenticationOptions CreateOptions(string? host, Action<string> onRefused) =>
        new()
        {
            TargetHost = ServerName ?? host ?? "localhost",
            ClientCertificateContext = _identity,
            CertificateChainPolicy = PeerTrust.PolicyOf(_authorities, PeerTrust.ServerUsage),
            RemoteCertificateValidationCallback = (_, certificate, chain, errors) =>
            {
                if (PeerTrust.Accepts(certificate, errors))
                {
                    return true;
                }

                onRefused(PeerTrust.Explain(certificate, chain, errors));
                return false;
            },
            EnabledSslProtocols = PeerTrust.Protocols,
            AllowRenegotiation = false,
        };
}
