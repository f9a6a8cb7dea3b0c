using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using ActorBackup.Nbd.Tls;

namespace ActorBackup.Nbd.Tests.Support;

/// <summary>A certificate authority in a directory that is laid out as GnuTLS users expect it: <c>ca-cert.pem</c>, <c>server-cert.pem</c> …</summary>
internal sealed class Authority : IDisposable
{
    private const string ServerUsage = "1.3.6.1.5.5.7.3.1";
    private const string ClientUsage = "1.3.6.1.5.5.7.3.2";

    private readonly TempDirectory _directory = new();
    private readonly X509Certificate2 _certificate;

    /// <summary>With certificates for the server <c>localhost</c> (127.0.0.1) and for a client, both valid.</summary>
    public Authority(string name = "test authority")
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        _certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-30), DateTimeOffset.UtcNow.AddDays(30));
        File.WriteAllText(CertificatePath, _certificate.ExportCertificatePem());
        IssueServer("server");
        IssueClient("client");
    }

    public string Directory => _directory.File("");

    public string CertificatePath => PathOf("ca-cert.pem");

    public string PathOf(string file) => _directory.File(file);

    public string CertificateOf(string name) => PathOf($"{name}-cert.pem");

    public string KeyOf(string name) => PathOf($"{name}-key.pem");

    public void IssueServer(string name, string host = "localhost", TimeSpan? expiresIn = null) => Issue(name, ServerUsage, host, expiresIn);

    public void IssueClient(string name, TimeSpan? expiresIn = null) => Issue(name, ClientUsage, null, expiresIn);

    public ServerTls Server(TlsMode mode, bool wantsClients = false, TimeProvider? clock = null, Action<string>? tell = null) =>
        ServerTls.Load(mode, CertificateOf("server"), KeyOf("server"), wantsClients ? CertificatePath : null, clock, tell);

    public ClientTls Client(string? name = null) =>
        name is null ? ClientTls.Load(CertificatePath) : ClientTls.Load(CertificatePath, CertificateOf(name), KeyOf(name));

    public void Dispose()
    {
        _certificate.Dispose();
        _directory.Dispose();
    }

    private void Issue(string name, string usage, string? host, TimeSpan? expiresIn)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={host ?? name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(usage)], false));
        if (host is not null)
        {
            var names = new SubjectAlternativeNameBuilder();
            names.AddDnsName(host);
            if (host == "localhost")
            {
                names.AddIpAddress(IPAddress.Loopback);
            }

            request.CertificateExtensions.Add(names.Build());
        }

        var expiresAt = DateTimeOffset.UtcNow + (expiresIn ?? TimeSpan.FromDays(1));
        using var certificate = request.Create(_certificate, DateTimeOffset.UtcNow.AddDays(-20), expiresAt, RandomNumberGenerator.GetBytes(8));
        File.WriteAllText(CertificateOf(name), certificate.ExportCertificatePem());
        File.WriteAllText(KeyOf(name), key.ExportPkcs8PrivateKeyPem());
    }
}
