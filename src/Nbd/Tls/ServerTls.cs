using System.Net.Security;
using System.Security.Cryptography.X509Certificates;

namespace ActorBackup.Nbd.Tls;

/// <summary>A server's certificate and whose clients it accepts.</summary>
public sealed class ServerTls
{
    private readonly SslStreamCertificateContext _certificate;
    private readonly X509Certificate2Collection? _clientAuthorities;

    private ServerTls(TlsMode mode, SslStreamCertificateContext certificate, X509Certificate2Collection? clientAuthorities)
    {
        Mode = mode;
        _certificate = certificate;
        _clientAuthorities = clientAuthorities;
    }

    /// <summary>Allow or Require.</summary>
    public TlsMode Mode { get; }

    /// <summary>Clients must show a certificate.</summary>
    public bool WantsClientCertificates => _clientAuthorities is not null;

    /// <summary>When clients cease to accept the server.</summary>
    public DateTimeOffset ExpiresAt => _certificate.TargetCertificate.NotAfter;

    /// <param name="mode">Allow or Require.</param>
    /// <param name="certificatePath">The server's certificate, then those between it and its authority.</param>
    /// <param name="keyPath">Its key, without a passphrase.</param>
    /// <param name="clientAuthorityPath">Who issues clients' certificates, and nobody else does; null when clients need none.</param>
    /// <exception cref="TlsFileException">A file cannot be used.</exception>
    public static ServerTls Load(TlsMode mode, string certificatePath, string keyPath, string? clientAuthorityPath = null)
    {
        ArgumentOutOfRangeException.ThrowIfEqual((int)mode, (int)TlsMode.Off, nameof(mode));
        var (certificate, intermediates) = PemFile.ReadIdentity(certificatePath, keyPath);
        var authorities = clientAuthorityPath is null ? null : PemFile.ReadCertificates(clientAuthorityPath);
        return new ServerTls(mode, SslStreamCertificateContext.Create(certificate, intermediates, offline: true), authorities);
    }

    /// <summary>For one connection.</summary>
    internal SslServerAuthenticationOptions CreateOptions() =>
        new()
        {
            ServerCertificateContext = _certificate,
            ClientCertificateRequired = WantsClientCertificates,
            CertificateChainPolicy = PeerTrust.PolicyOf(_clientAuthorities, PeerTrust.ClientUsage),
            RemoteCertificateValidationCallback = (_, certificate, _, errors) => !WantsClientCertificates || PeerTrust.Accepts(certificate, errors),
            EnabledSslProtocols = PeerTrust.Protocols,
            AllowRenegotiation = false,

            // A resumed session would skip looking at the client's certificate, which may have expired.
            AllowTlsResume = false,
        };
}
