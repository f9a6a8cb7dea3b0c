using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace ActorBackup.Nbd.Tls;

/// <summary>Which peers are believed.</summary>
internal static class PeerTrust
{
    public const SslProtocols Protocols = SslProtocols.Tls12 | SslProtocols.Tls13;

    public const string ServerUsage = "1.3.6.1.5.5.7.3.1";
    public const string ClientUsage = "1.3.6.1.5.5.7.3.2";

    /// <summary>How the peer's chain is built, now: nothing is fetched from anywhere, whatever its certificate asks for.</summary>
    /// <param name="authorities">The only roots; null for those of the operating system.</param>
    /// <param name="usage">What the certificate must be good for.</param>
    public static X509ChainPolicy PolicyOf(X509Certificate2Collection? authorities, string usage)
    {
        var policy = new X509ChainPolicy { RevocationMode = X509RevocationMode.NoCheck, DisableCertificateDownloads = true };
        policy.ApplicationPolicy.Add(new Oid(usage));
        if (authorities is not null)
        {
            policy.TrustMode = X509ChainTrustMode.CustomRootTrust;
            policy.CustomTrustStore.AddRange(authorities);
        }

        return policy;
    }

    /// <summary>A peer without a certificate is no peer.</summary>
    public static bool Accepts(X509Certificate? certificate, SslPolicyErrors errors) => certificate is not null && errors == SslPolicyErrors.None;

    /// <summary>Why a peer was not accepted, for a person.</summary>
    public static string Explain(X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        if (certificate is null)
        {
            return "it showed no certificate";
        }

        if ((errors & SslPolicyErrors.RemoteCertificateNameMismatch) != 0)
        {
            return $"its certificate is for another name ({certificate.Subject})";
        }

        var reasons = chain?.ChainStatus.Select(s => s.StatusInformation.Trim()).Where(s => s.Length > 0).Distinct().ToArray() ?? [];
        return reasons.Length > 0 ? string.Join("; ", reasons) : errors.ToString();
    }
}
