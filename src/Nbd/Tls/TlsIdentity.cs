using System.Net.Security;
using System.Security.Cryptography.X509Certificates;

namespace ActorBackup.Nbd.Tls;

/// <summary>What a server's files held when they were read.</summary>
/// <param name="Certificate">With its key and those between it and its authority.</param>
/// <param name="ClientAuthorities">Null when clients need no certificate.</param>
internal sealed record TlsIdentity(SslStreamCertificateContext Certificate, X509Certificate2Collection? ClientAuthorities)
{
    public DateTimeOffset ExpiresAt => Certificate.TargetCertificate.NotAfter;

    public static TlsIdentity Of(X509Certificate2 certificate, X509Certificate2Collection intermediates, X509Certificate2Collection? clientAuthorities) =>
        new(SslStreamCertificateContext.Create(certificate, intermediates, offline: true), clientAuthorities);
}
