using System.Collections.Concurrent;
using ActorBackup.Actors.Tests.Jobs;
using Microsoft.Data.Sqlite;

namespace ActorBackup.Recovery.Tests.Support;

/// <summary>What outlives a node's process: files below a directory, the journal, the time. A fork of it is another machine in the same state.</summary>
/// <remarks>
/// Processes see the directory as the root of all paths, so that the paths in tracking files mean the fork's own files. A kill leaves the page cache,
/// so nothing is synced here: power loss is what tests/Simulation.Tests is about.
/// </remarks>
internal sealed class Machine : IDisposable
{
    public static readonly DateTimeOffset Begin = new ManualClock().GetUtcNow();

    private readonly string _parent;
    private ManualClock? _clock;
    private string? _registerPath;
    private int _registers;

    public Machine()
        : this(MemoryDirectory())
    {
    }

    private Machine(string parent)
    {
        _parent = parent;
        Root = Path.Combine(parent, "abk-recovery-" + Guid.NewGuid().ToString("N"));
        Directory.CreateDirectory(Path.Combine(Root, "files"));
    }

    /// <summary>On the real file system.</summary>
    public string Root { get; }

    public JournalStore Journal { get; private init; } = new();

    /// <summary>By path on the real file system, below <see cref="Root"/>: when it was written last, in the machine's time.</summary>
    public ConcurrentDictionary<string, DateTimeOffset> Modified { get; private init; } = new(StringComparer.Ordinal);

    private DateTimeOffset Now => _clock?.GetUtcNow() ?? Begin;

    /// <summary>The machine as it is now. No process of it may run, or it is at a step (<see cref="Process.BeforeStep"/>).</summary>
    public Machine Fork()
    {
        var fork = new Machine(_parent) { Journal = Journal.Fork(), Modified = new(Modified, StringComparer.Ordinal) };
        fork._clock = ClockAt(Now);
        CopyFiles(Path.Combine(Root, "files"), Path.Combine(fork.Root, "files"));
        fork._registerPath = CopyRegister(fork.Root, 0);
        return fork;
    }

    /// <summary>The register's database for the next process. What a dead one still writes goes to the one before.</summary>
    public string NextRegisterPath()
    {
        var path = CopyRegister(Root, ++_registers) ?? Path.Combine(Root, "register-0.db");
        _registerPath = path;
        return path;
    }

    /// <summary>Where a process's path is on the real file system.</summary>
    public string RealPath(string path) => Root + "/files" + path;

    /// <summary>A clock for the next process, which goes on where the last one ended.</summary>
    public ManualClock NextClock() => _clock = ClockAt(Now);

    public void Dispose()
    {
        for (var number = 0; number <= _registers; number++)
        {
            // Only this machine's: the pools of machines in other tests are at work.
            using var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = Path.Combine(Root, $"register-{number}.db") }.ToString());
            SqliteConnection.ClearPool(connection);
        }

        for (var tries = 0; ; tries++)
        {
            try
            {
                Directory.Delete(Root, recursive: true);
                return;
            }
            catch (IOException) when (tries < 10)
            {
                // A dead process has just written its register, which nobody reads any more.
            }
        }
    }

    private static ManualClock ClockAt(DateTimeOffset time)
    {
        var clock = new ManualClock();
        clock.Advance(time - Begin);
        return clock;
    }

    private string? CopyRegister(string directory, int number)
    {
        if (_registerPath is null)
        {
            return null;
        }

        var path = Path.Combine(directory, $"register-{number}.db");
        using var from = new SqliteConnection($"Data Source={_registerPath};Pooling=False");
        using var to = new SqliteConnection($"Data Source={path};Pooling=False");
        from.Open();
        to.Open();
        using var patience = from.CreateCommand();

        // A dead process may be in the middle of its last write, or of the checkpoint that closing its last connection makes.
        patience.CommandText = "PRAGMA busy_timeout=10000;";
        patience.ExecuteNonQuery();
        from.BackupDatabase(to);
        return path;
    }

    private static void CopyFiles(string from, string to)
    {
        foreach (var directory in Directory.EnumerateDirectories(from))
        {
            var copy = Path.Combine(to, Path.GetFileName(directory));
            Directory.CreateDirectory(copy);
            CopyFiles(directory, copy);
        }

        foreach (var file in Directory.EnumerateFiles(from))
        {
            File.Copy(file, Path.Combine(to, Path.GetFileName(file)));
        }
    }

    /// <summary>Nothing here has to outlive the machine that runs the tests.</summary>
    private static string MemoryDirectory() => Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath();
}
