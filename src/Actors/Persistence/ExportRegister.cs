using ActorBackup.Actors.Disks;
using ActorBackup.Core.Identity;

namespace ActorBackup.Actors.Persistence;

/// <summary>How each disk is to be exported, where a start finds it: exports serve before any actor has replayed its journal.</summary>
/// <remarks>The journal decides. A disk's actor brings what is here, and what is served, to what its events say.</remarks>
public sealed class ExportRegister(JournalDatabase database)
{
    public void Initialize()
    {
        using var connection = database.Open();
        JournalDatabase.Execute(
            connection,
            """
            CREATE TABLE IF NOT EXISTS unexported_disks (disk TEXT PRIMARY KEY);
            CREATE TABLE IF NOT EXISTS exported_bitmaps (disk TEXT NOT NULL, name TEXT NOT NULL, set_id INTEGER NOT NULL, PRIMARY KEY (disk, name));
            """);
    }

    /// <summary>Disks that are not here are exported without bitmaps.</summary>
    public IReadOnlyDictionary<DiskId, DiskExport> ReadAll()
    {
        using var connection = database.Open();
        using var command = connection.CreateCommand();
        command.CommandText = """
            SELECT disk, NULL, 0 FROM unexported_disks
            UNION ALL SELECT disk, name, set_id FROM exported_bitmaps
            """;
        using var reader = command.ExecuteReader();
        var all = new Dictionary<DiskId, DiskExport>();
        while (reader.Read())
        {
            var disk = new DiskId(reader.GetString(0));
            var known = all.GetValueOrDefault(disk, DiskExport.Plain);
            all[disk] = reader.IsDBNull(1)
                ? known with { IsServed = false }
                : known with { Bitmaps = [.. known.Bitmaps, new ExportedBitmap(reader.GetString(1), (ulong)reader.GetInt64(2))] };
        }

        return all;
    }

    /// <summary>Durable on return.</summary>
    public void Record(DiskId disk, DiskExport export)
    {
        using var connection = database.Open();
        using var transaction = connection.BeginTransaction();
        JournalDatabase.Execute(connection, "DELETE FROM unexported_disks WHERE disk = $disk", ("$disk", disk.Value));
        JournalDatabase.Execute(connection, "DELETE FROM exported_bitmaps WHERE disk = $disk", ("$disk", disk.Value));
        if (!export.IsServed)
        {
            JournalDatabase.Execute(connection, "INSERT INTO unexported_disks VALUES ($disk)", ("$disk", disk.Value));
        }

        foreach (var bitmap in export.Bitmaps)
        {
            JournalDatabase.Execute(
                connection, "INSERT INTO exported_bitmaps VALUES ($disk, $name, $set)", ("$disk", disk.Value), ("$name", bitmap.Name), ("$set", (long)bitmap.SetId));
        }

        transaction.Commit();
    }
}
