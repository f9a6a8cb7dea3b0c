using Akka.Persistence.Sql.Config;
using LinqToDB;
using Microsoft.Data.Sqlite;

namespace ActorBackup.Actors.Persistence;

/// <summary>The journal database (D) of one node: a SQLite file in WAL mode with <c>synchronous=FULL</c>, so that what was persisted stays.</summary>
public sealed class JournalDatabase
{
    private const string Durable = "PRAGMA synchronous=FULL; PRAGMA busy_timeout=10000;";

    public JournalDatabase(string path)
    {
        Path = path;
        ConnectionString = new SqliteConnectionStringBuilder { DataSource = path }.ToString();
        using var connection = Open();
        using var command = connection.CreateCommand();

        // WAL mode is a property of the file; the journal plugin does not set it.
        command.CommandText = "PRAGMA journal_mode=WAL;";
        command.ExecuteNonQuery();
    }

    public string Path { get; }

    public string ConnectionString { get; }

    /// <summary>How the journal plugin connects.</summary>
    public DataOptions Options =>
        new DataOptions()
            .UseConnectionString(ProviderName.SQLiteMS, ConnectionString)
            .UseAfterConnectionOpened(connection => MakeDurable((SqliteConnection)connection));

    /// <summary>Hands <see cref="Options"/> to the journal plugin.</summary>
    public DataOptionsSetup Setup => new(Options);

    public SqliteConnection Open()
    {
        var connection = new SqliteConnection(ConnectionString);
        connection.Open();
        MakeDurable(connection);
        return connection;
    }

    /// <returns>How many rows changed.</returns>
    internal static int Execute(SqliteConnection connection, string sql, params ReadOnlySpan<(string Name, object Value)> parameters)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        foreach (var (name, value) in parameters)
        {
            command.Parameters.AddWithValue(name, value);
        }

        return command.ExecuteNonQuery();
    }

    private static void MakeDurable(SqliteConnection connection)
    {
        using var command = connection.CreateCommand();
        command.CommandText = Durable;
        command.ExecuteNonQuery();
    }
}
