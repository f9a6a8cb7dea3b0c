using System.Security.Cryptography;
using ActorBackup.Nbd.Tests.Support;
using ActorBackup.Nbd.Tls;

namespace ActorBackup.Nbd.Tests.Tls;

public sealed class TlsFileTests : IDisposable
{
    private readonly Authority _authority = new();

    [Fact]
    public void A_file_that_is_not_there_is_named() => ExpectRefused("cannot read the certificate file /no/such.pem", "/no/such.pem", _authority.KeyOf("server"));

    [Fact]
    public void A_key_that_is_not_there_is_named() => ExpectRefused("cannot read the key file /no/such.pem", _authority.CertificateOf("server"), "/no/such.pem");

    [Fact]
    public void A_file_without_a_certificate_is_named()
    {
        File.WriteAllText(_authority.PathOf("empty"), "hello");
        ExpectRefused("no certificate in PEM form", _authority.PathOf("empty"), _authority.KeyOf("server"));
    }

    [Fact]
    public void A_damaged_certificate_is_named()
    {
        File.WriteAllText(_authority.PathOf("damaged"), "-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n");
        ExpectRefused("is damaged", _authority.PathOf("damaged"), _authority.KeyOf("server"));
    }

    [Fact]
    public void The_key_of_another_certificate_is_refused() =>
        ExpectRefused("does not hold the key of", _authority.CertificateOf("server"), _authority.KeyOf("client"));

    [Fact]
    public void A_file_that_holds_no_key_is_refused() =>
        ExpectRefused("does not hold the key of", _authority.CertificateOf("server"), _authority.CertificateOf("server"));

    [Fact]
    public void A_key_with_a_passphrase_is_refused_with_what_to_do()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        File.WriteAllText(_authority.PathOf("locked"), key.ExportEncryptedPkcs8PrivateKeyPem("secret", new PbeParameters(PbeEncryptionAlgorithm.Aes256Cbc, HashAlgorithmName.SHA256, 1000)));
        ExpectRefused("passphrase", _authority.CertificateOf("server"), _authority.PathOf("locked"));
    }

    [Fact]
    public void A_client_authority_without_a_certificate_is_refused() =>
        ExpectRefused("no certificate in PEM form", _authority.CertificateOf("server"), _authority.KeyOf("server"), _authority.KeyOf("server"));

    [Fact]
    public void A_client_certificate_without_its_key_is_refused() =>
        Assert.Throws<TlsFileException>(() => ClientTls.Load(_authority.CertificatePath, _authority.CertificateOf("client")));

    public void Dispose() => _authority.Dispose();

    private static void ExpectRefused(string says, string certificate, string key, string? clientAuthority = null)
    {
        var e = Assert.Throws<TlsFileException>(() => ServerTls.Load(TlsMode.Require, certificate, key, clientAuthority));
        Assert.Contains(says, e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', e.Message);
    }
}
