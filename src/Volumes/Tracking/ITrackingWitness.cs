namespace ActorBackup.Volumes.Tracking;

/// <summary>The journal database's memory of a tracking file's last command, so that each notices when the other is of an older time (rule 4).</summary>
/// <remarks>
/// Every command that changes sets gives the file a new random stamp. The database has the new one before the file, and drops the old one after it: whichever of
/// the two is put back to an earlier copy, the file then bears a stamp that the database does not know. Calls block on the database.
/// </remarks>
public interface ITrackingWitness
{
    /// <summary>Chooses the file's next stamp. When it returns the database knows both, durably.</summary>
    /// <param name="current">The stamp that the file bears durably.</param>
    /// <exception cref="VolumeException">The database cannot be written; nothing has changed.</exception>
    ulong Intend(ulong current);

    /// <summary>The file bears the stamp durably. Should this be lost, the database accepts the one before it too.</summary>
    void Confirm(ulong stamp);
}
