using ActorBackup.Core.Identity;

namespace ActorBackup.Actors.Persistence;

/// <summary>
/// The journal database's record of which tracking file belongs to which disk, and of its newest generation that was opened (rule 4).
/// </summary>
/// <remarks>
/// It is a table beside the journal, not an event, so that exports serve before the cluster is up: a row is written after the file's new
/// generation is durable and before the first write is let through. It lives in the same database as the events, so that a database that is
/// rolled back takes it along. See docs/adr/0002.
/// </remarks>
public sealed class TrackingRegister(JournalDatabase database)
{
    /// <param name="Disk">Whose file it is.</param>
    /// <param name="TrackingPath">Where it is.</param>
    /// <param name="FileId">Which it is, in hexadecimal.</param>
    /// <param name="Generation">Of its newest opening.</param>
    /// <param name="IsStopped">Not opened at a start.</param>
    /// <param name="Stamp">Of the last command that is known to be in it.</param>
    /// <param name="NextStamp">Of the command after it; the same when there is none.</param>
    public sealed record Row(DiskId Disk, string TrackingPath, string FileId, ulong Generation, bool IsStopped, ulong Stamp, ulong NextStamp);

    public void Initialize()
    {
        using var connection = database.Open();
        JournalDatabase.Execute(
            connection,
            """
            CREATE TABLE IF NOT EXISTS tracking_register (
                disk TEXT PRIMARY KEY, tracking_path TEXT NOT NULL, file_id TEXT NOT NULL, generation INTEGER NOT NULL, stopped INTEGER NOT NULL,
                stamp INTEGER NOT NULL, next_stamp INTEGER NOT NULL);
            """);
    }

    public IReadOnlyList<Row> ReadAll()
    {
        using var connection = database.Open();
        using var command = connection.CreateCommand();
        command.CommandText = "SELECT disk, tracking_path, file_id, generation, stopped, stamp, next_stamp FROM tracking_register ORDER BY disk";
        using var reader = command.ExecuteReader();
        var rows = new List<Row>();
        while (reader.Read())
        {
            rows.Add(new Row(
                new DiskId(reader.GetString(0)),
                reader.GetString(1),
                reader.GetString(2),
                (ulong)reader.GetInt64(3),
                reader.GetInt64(4) != 0,
                (ulong)reader.GetInt64(5),
                (ulong)reader.GetInt64(6)));
        }

        return rows;
    }

    public Row? Find(DiskId disk) => ReadAll().FirstOrDefault(r => r.Disk == disk);

    /// <summary>Durable on return; all rows in one transaction.</summary>
    public void Record(IReadOnlyCollection<Row> rows)
    {
        if (rows.Count == 0)
        {
            return;
        }

        using var connection = database.Open();
        using var transaction = connection.BeginTransaction();
        foreach (var row in rows)
        {
            JournalDatabase.Execute(
                connection,
                "INSERT OR REPLACE INTO tracking_register VALUES ($disk, $path, $file, $generation, $stopped, $stamp, $next)",
                ("$disk", row.Disk.Value),
                ("$path", row.TrackingPath),
                ("$file", row.FileId),
                ("$generation", (long)row.Generation),
                ("$stopped", row.IsStopped ? 1 : 0),
                ("$stamp", (long)row.Stamp),
                ("$next", (long)row.NextStamp));
        }

        transaction.Commit();
    }

    /// <summary>The disk's tracking file bears the one stamp, and may bear the other. Durable on return.</summary>
    /// <exception cref="InvalidOperationException">The disk has no row.</exception>
    public void RecordStamps(DiskId disk, ulong stamp, ulong nextStamp)
    {
        using var connection = database.Open();
        var rows = JournalDatabase.Execute(
            connection,
            "UPDATE tracking_register SET stamp = $stamp, next_stamp = $next WHERE disk = $disk",
            ("$disk", disk.Value),
            ("$stamp", (long)stamp),
            ("$next", (long)nextStamp));
        if (rows != 1)
        {
            throw new InvalidOperationException($"Disk {disk} is not in the tracking register.");
        }
    }

    public void Remove(DiskId disk)
    {
        using var connection = database.Open();
        JournalDatabase.Execute(connection, "DELETE FROM tracking_register WHERE disk = $disk", ("$disk", disk.Value));
    }
}
