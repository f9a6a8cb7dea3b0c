using System.Globalization;
using System.Security.Cryptography;
using ActorBackup.Api;
using Microsoft.Win32.SafeHandles;

namespace ActorBackup.Node.Startup;

/// <summary>A node's own files: <c>version</c>, <c>lock</c>, <c>token</c>, <c>journal.db</c>, <c>scratch/</c>, <c>tracking/</c>. Locked while open.</summary>
public sealed class DataDirectory : IDisposable
{
    public const int Version = 1;

    private const string VersionPrefix = "actorbackup-data ";
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private readonly SafeFileHandle _lock;

    private DataDirectory(string path, SafeFileHandle @lock)
    {
        FullPath = path;
        _lock = @lock;
    }

    public string FullPath { get; }

    public string JournalPath => Path.Combine(FullPath, "journal.db");

    public string TokenPath => Path.Combine(FullPath, "token");

    public string ScratchPath => Path.Combine(FullPath, "scratch");

    public string TrackingPath => Path.Combine(FullPath, "tracking");

    /// <exception cref="StartupException">In use, of another version, not ours, or not writable.</exception>
    public static DataDirectory Open(string path)
    {
        try
        {
            return OpenCore(path);
        }
        catch (Exception e) when (e is UnauthorizedAccessException or IOException)
        {
            throw new StartupException(ExitCodes.Failed, $"cannot use the data directory {path}: {e.Message}; check --data and its permissions");
        }
    }

    /// <summary>The secret that every request must carry; made at the first start.</summary>
    public string ReadOrCreateToken()
    {
        if (File.Exists(TokenPath))
        {
            var known = File.ReadAllText(TokenPath).Trim();
            return known.Length > 0 ? known : throw new StartupException(ExitCodes.Failed, $"{TokenPath} is empty; delete it to have a new token made");
        }

        var token = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32));
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = OwnerOnly };
        using (var writer = new StreamWriter(TokenPath, options))
        {
            writer.WriteLine(token);
        }

        return token;
    }

    public void Dispose() => _lock.Dispose();

    private static DataDirectory OpenCore(string path)
    {
        if (File.Exists(path))
        {
            throw new StartupException(ExitCodes.Failed, $"the data directory {path} is a file; choose another --data");
        }

        Directory.CreateDirectory(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        CheckVersion(path);
        SafeFileHandle handle;
        try
        {
            // flock: the kernel releases it with the process, however it dies.
            handle = File.OpenHandle(Path.Combine(path, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException e) when (e is not (DirectoryNotFoundException or FileNotFoundException))
        {
            throw new StartupException(ExitCodes.Busy, $"the data directory {path} is in use by another node; stop that one or choose another --data");
        }

        var versionFile = Path.Combine(path, "version");
        if (!File.Exists(versionFile))
        {
            File.WriteAllText(versionFile, VersionPrefix + Version.ToString(CultureInfo.InvariantCulture) + "\n");
        }

        var directory = new DataDirectory(path, handle);
        Directory.CreateDirectory(directory.ScratchPath);
        Directory.CreateDirectory(directory.TrackingPath);
        return directory;
    }

    private static void CheckVersion(string path)
    {
        var file = Path.Combine(path, "version");
        if (!File.Exists(file))
        {
            // Sockets and the lock of a start that died before it wrote its version are ours too.
            var foreign = Directory.EnumerateFileSystemEntries(path).Select(Path.GetFileName).FirstOrDefault(n => n is not ("lock" or "nbd.sock" or "lost+found"));
            if (foreign is not null)
            {
                throw new StartupException(
                    ExitCodes.Failed, $"{path} holds '{foreign}' but no ActorBackup data; choose an empty or new directory with --data");
            }

            return;
        }

        var text = File.ReadAllText(file).Trim();
        if (!text.StartsWith(VersionPrefix, StringComparison.Ordinal)
            || !int.TryParse(text.AsSpan(VersionPrefix.Length), CultureInfo.InvariantCulture, out var version))
        {
            throw new StartupException(ExitCodes.Failed, $"{file} is damaged: '{text}' is not an ActorBackup version; restore it or choose another --data");
        }

        if (version != Version)
        {
            throw new StartupException(
                ExitCodes.Failed,
                $"the data directory {path} has version {version}, this node knows version {Version}; run the release that wrote it");
        }
    }
}
