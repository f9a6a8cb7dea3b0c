using System.CommandLine;
using ActorBackup.Api;
using ActorBackup.Core.Blocks;
using ActorBackup.Core.Identity;

namespace ActorBackup.Cli.Commands;

/// <summary>Arguments that many commands share, and the checks of them that need no node.</summary>
public static class Arguments
{
    public static Argument<string> Disk() => new("DISK") { Description = "Id of a disk" };

    public static Argument<string> Bitmap() => new("NAME") { Description = "Name of a bitmap of that disk" };

    public static Argument<string> Job() => new("ID") { Description = "Id of a job" };

    public static Argument<string> Repository() => new("NAME") { Description = "Name of a repository" };

    public static Argument<string> Point(string name = "POINT") =>
        new(name) { Description = "Id of a point, DISK@latest, or DISK@2026-11-23T04:00:00Z: the newest complete one not later" };

    /// <summary>Only a name that is given is checked; looking one up may just find nothing.</summary>
    public static string NewName(string name) =>
        ObjectName.IsValid(name) ? name : throw new CliException(ErrorCodes.InvalidName, $"'{name}' cannot be a name: {ObjectName.Rule}");

    public static string NewBitmapName(string name) =>
        name is "" or "." or ".." ? throw new CliException(ErrorCodes.InvalidName, $"'{name}' cannot be a bitmap's name: choose another")
        : new BitmapName(name).IsTooLong ? throw new CliException(ErrorCodes.InvalidName, $"a bitmap's name has at most {BitmapName.MaxBytes} bytes")
        : name;

    public static long? DiskGranularity(long? bytes) =>
        bytes is not { } given || Granularity.IsValidForDisk(given)
            ? bytes
            : throw new CliException(ErrorCodes.InvalidGranularity, $"granularity {given} is not possible: a disk's is a power of two from 4K to 4M");

    public static long? BitmapGranularity(long? bytes) =>
        bytes is not { } given || Granularity.IsValidForBitmap(given)
            ? bytes
            : throw new CliException(ErrorCodes.InvalidGranularity, $"granularity {given} is not possible: a bitmap's is a power of two from 512 to 2G");
}
