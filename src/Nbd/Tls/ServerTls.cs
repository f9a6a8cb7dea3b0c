using System.Net.Security;

namespace ActorBackup.Nbd.Tls;

/// <summary>A server's certificate and whose clients it accepts.</summary>
/// <remarks>
/// Files that have changed count for the connections that come later, without a restart: they are looked at when a client comes, at most once
/// a second. What cannot be used changes nothing, and neither does a certificate without its key, as there is while the two are being replaced.
/// </remarks>
public sealed class ServerTls
{
    private static readonly TimeSpan LookInterval = TimeSpan.FromSeconds(1);

    private readonly Lock _gate = new();
    private readonly TlsFiles _files;
    private readonly TimeProvider _clock;
    private readonly Action<string>? _tell;
    private TlsIdentity _identity;
    private string _fingerprint;
    private long _lookedAt;

    private ServerTls(TlsMode mode, TlsFiles files, TimeProvider clock, Action<string>? tell)
    {
        Mode = mode;
        _files = files;
        _clock = clock;
        _tell = tell;

        // Before it is loaded: what changes in between is noticed later.
        _fingerprint = files.Fingerprint();
        _identity = files.Load();
        _lookedAt = clock.GetTimestamp();
    }

    /// <summary>Allow or Require.</summary>
    public TlsMode Mode { get; }

    /// <summary>Clients must show a certificate.</summary>
    public bool WantsClientCertificates => _files.ClientAuthorityPath is not null;

    /// <summary>When clients cease to accept the server.</summary>
    public DateTimeOffset ExpiresAt => Volatile.Read(ref _identity).ExpiresAt;

    /// <param name="mode">Allow or Require.</param>
    /// <param name="certificatePath">The server's certificate, then those between it and its authority.</param>
    /// <param name="keyPath">Its key, without a passphrase.</param>
    /// <param name="clientAuthorityPath">Who issues clients' certificates, and nobody else does; null when clients need none.</param>
    /// <param name="clock">Null for the system's.</param>
    /// <param name="tell">Told in one line of files that have changed. Called from any thread; must not block.</param>
    /// <exception cref="TlsFileException">A file cannot be used.</exception>
    public static ServerTls Load(
        TlsMode mode, string certificatePath, string keyPath, string? clientAuthorityPath = null, TimeProvider? clock = null, Action<string>? tell = null)
    {
        ArgumentOutOfRangeException.ThrowIfEqual((int)mode, (int)TlsMode.Off, nameof(mode));
        return new ServerTls(mode, new TlsFiles(certificatePath, keyPath, clientAuthorityPath), clock ?? TimeProvider.System, tell);
    }

    /// <summary>For one connection.</summary>
    internal SslServerAuthenticationOptions CreateOptions()
    {
        var identity = Look();
        return new SslServerAuthenticationOptions
        {
            ServerCertificateContext = identity.Certificate,
            ClientCertificateRequired = WantsClientCertificates,
            CertificateChainPolicy = PeerTrust.PolicyOf(identity.ClientAuthorities, PeerTrust.ClientUsage),
            RemoteCertificateValidationCallback = (_, certificate, _, errors) => !WantsClientCertificates || PeerTrust.Accepts(certificate, errors),
            EnabledSslProtocols = PeerTrust.Protocols,
            AllowRenegotiation = false,

            // A resumed session would skip looking at the client's certificate, which may have expired. Without clients' certificates resumption would
            // save 17 KiB of each connection, and let clients fill OpenSSL's cache of sessions, which is larger.
            AllowTlsResume = false,
        };
    }

    private TlsIdentity Look()
    {
        lock (_gate)
        {
            if (_clock.GetElapsedTime(_lookedAt) >= LookInterval)
            {
                _lookedAt = _clock.GetTimestamp();
                TakeChanges();
            }

            return _identity;
        }
    }

    private void TakeChanges()
    {
        var fingerprint = _files.Fingerprint();
        if (fingerprint == _fingerprint)
        {
            return;
        }

        _fingerprint = fingerprint;
        try
        {
            var identity = _files.Load();
            if (identity.ExpiresAt <= _clock.GetUtcNow())
            {
                throw new TlsFileException($"the certificate {_files.CertificatePath} expired at {identity.ExpiresAt.UtcDateTime:u}");
            }

            Volatile.Write(ref _identity, identity);
            _tell?.Invoke($"the TLS files have changed; new clients see the certificate that is valid until {identity.ExpiresAt.UtcDateTime:u}");
        }
        catch (TlsFileException e)
        {
            _tell?.Invoke($"the TLS files have changed and cannot be used, so those of before stay in use: {e.Message}");
        }
    }
}
