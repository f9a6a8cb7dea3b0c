using System.Security.Cryptography;

namespace ActorBackup.Nbd.Tls;

/// <summary>The files of a server's identity and of whom it accepts.</summary>
internal sealed record TlsFiles(string CertificatePath, string KeyPath, string? ClientAuthorityPath)
{
    /// <summary>Differs when what the files hold differs, or why they cannot be read.</summary>
    /// <remarks>Of their content, because the time of a link says nothing about what it leads to, and files that are put in place by links are common.</remarks>
    public string Fingerprint()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var path in new[] { CertificatePath, KeyPath, ClientAuthorityPath })
        {
            if (path is null)
            {
                continue;
            }

            try
            {
                hash.AppendData(SHA256.HashData(File.ReadAllBytes(path)));
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                return e.Message;
            }
        }

        return Convert.ToHexString(hash.GetHashAndReset());
    }

    /// <exception cref="TlsFileException">A file cannot be used.</exception>
    public TlsIdentity Load()
    {
        var (certificate, intermediates) = PemFile.ReadIdentity(CertificatePath, KeyPath);
        return TlsIdentity.Of(certificate, intermediates, ClientAuthorityPath is null ? null : PemFile.ReadCertificates(ClientAuthorityPath));
    }
}
