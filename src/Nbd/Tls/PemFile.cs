using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace ActorBackup.Nbd.Tls;

/// <summary>Certificates and keys as PEM text in files.</summary>
internal static class PemFile
{
    private const string EncryptedLabel = "ENCRYPTED";

    /// <summary>All certificates of a file, in its order; at least one.</summary>
    /// <exception cref="TlsFileException">It cannot be read, or has none.</exception>
    public static X509Certificate2Collection ReadCertificates(string path)
    {
        var text = ReadText(path, "certificate");
        var certificates = new X509Certificate2Collection();
        try
        {
            certificates.ImportFromPem(text);
        }
        catch (CryptographicException e)
        {
            throw new TlsFileException($"the certificate file {path} is damaged: {OneLine(e)}", e);
        }

        return certificates.Count > 0 ? certificates : throw new TlsFileException($"the certificate file {path} has no certificate in PEM form");
    }

    /// <summary>The first certificate of a file with its key, and the further ones, which lead to its authority.</summary>
    /// <exception cref="TlsFileException">A file cannot be read or used, or the key is not the certificate's.</exception>
    public static (X509Certificate2 Certificate, X509Certificate2Collection Intermediates) ReadIdentity(string certificatePath, string keyPath)
    {
        var certificates = ReadCertificates(certificatePath);
        var key = ReadText(keyPath, "key");
        if (key.Contains(EncryptedLabel, StringComparison.Ordinal))
        {
            throw new TlsFileException($"the key file {keyPath} has a passphrase, and nobody is there to type it; remove the passphrase and protect the file by its mode");
        }

        var first = certificates[0];
        certificates.RemoveAt(0);
        try
        {
            return (X509Certificate2.CreateFromPem(first.ExportCertificatePem(), key), certificates);
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            throw new TlsFileException($"the key file {keyPath} does not hold the key of the certificate {certificatePath}: {OneLine(e)}", e);
        }
        finally
        {
            first.Dispose();
        }
    }

    private static string ReadText(string path, string what)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new TlsFileException($"cannot read the {what} file {path}: {OneLine(e)}", e);
        }
    }

    private static string OneLine(Exception e) => e.Message.ReplaceLineEndings(" ");
}
