using ActorBackup.Api;

namespace ActorBackup.Cli.Connection;

/// <summary>Paths of the API with names filled in.</summary>
public static class ApiPath
{
    public static string Disk(string disk, string verb = "") => Of(Routes.Disks, ErrorCodes.UnknownDisk, disk) + Suffix(verb);

    public static string Bitmaps(string disk) => Disk(disk, "bitmaps");

    public static string Bitmap(string disk, string bitmap, string verb = "") =>
        Of(Bitmaps(disk), ErrorCodes.UnknownBitmap, bitmap) + Suffix(verb);

    public static string Repository(string name, string verb = "") => Of(Routes.Repositories, ErrorCodes.UnknownRepository, name) + Suffix(verb);

    public static string Job(string job, string verb = "") => Of(Routes.Jobs, ErrorCodes.UnknownJob, job) + Suffix(verb);

    public static string Group(string group, string verb = "") => Of(Routes.Groups, ErrorCodes.UnknownGroup, group) + Suffix(verb);

    public static string Point(string point, string verb = "") => Of(Routes.Points, ErrorCodes.UnknownPoint, point) + Suffix(verb);

    public static string PointDiff(string a, string b) => Of(Point(a, "diff"), ErrorCodes.UnknownPoint, b);

    public static string Export(string name) => Of(Routes.Exports, ErrorCodes.UnknownPoint, name);

    /// <summary>A query of the given pairs, without those that are null.</summary>
    public static string Query(string path, params ReadOnlySpan<(string Key, string? Value)> pairs)
    {
        var separator = '?';
        foreach (var (key, value) in pairs)
        {
            if (value is not null)
            {
                path += $"{separator}{key}={Uri.EscapeDataString(value)}";
                separator = '&';
            }
        }

        return path;
    }

    /// <summary>Refuses the segments that a URL would swallow: nothing, "." and "..". No object can have such a name.</summary>
    private static string Of(string prefix, string unknown, string name) =>
        name is "" or "." or ".."
            ? throw new CliException(unknown, $"there is nothing named '{name}'")
            : $"{prefix}/{Uri.EscapeDataString(name)}";

    private static string Suffix(string verb) => verb.Length == 0 ? "" : "/" + verb;
}
