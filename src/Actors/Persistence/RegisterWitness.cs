using System.Buffers.Binary;
using System.Security.Cryptography;
using ActorBackup.Core.Identity;
using ActorBackup.Volumes;
using ActorBackup.Volumes.Tracking;
using Microsoft.Data.Sqlite;

namespace ActorBackup.Actors.Persistence;

/// <summary>Keeps the stamps of a disk's tracking file in the register.</summary>
internal sealed class RegisterWitness(TrackingRegister register, DiskId disk) : ITrackingWitness
{
    public ulong Intend(ulong current)
    {
        var next = BinaryPrimitives.ReadUInt64LittleEndian(RandomNumberGenerator.GetBytes(sizeof(ulong)));
        try
        {
            register.RecordStamps(disk, current, next);
            return next;
        }
        catch (SqliteException e)
        {
            throw new VolumeException(
                VolumeError.InputOutput, $"The journal database cannot take the next command of disk {disk}: {e.Message}. Nothing was changed; check its file system.", e);
        }
    }

    public void Confirm(ulong stamp)
    {
        try
        {
            register.RecordStamps(disk, stamp, stamp);
        }
        catch (SqliteException)
        {
            // The database accepts the file as it is, and as it was before the command; the next command says it anew.
        }
    }
}
