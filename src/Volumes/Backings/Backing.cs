using ActorBackup.Files;
using ActorBackup.Nbd.Client;

namespace ActorBackup.Volumes.Backings;

/// <summary>Opens whatever a disk's definition names: a file, a block device, or somebody else's NBD export.</summary>
public static class Backing
{
    private static readonly string[] Schemes = ["nbd://", "nbds://", "nbd+unix://", "nbds+unix://"];

    /// <summary>Whether the text names an NBD export; paths are absolute, so they never look like one.</summary>
    public static bool IsNbd(string location) => Schemes.Any(scheme => location.StartsWith(scheme, StringComparison.Ordinal));

    /// <exception cref="VolumeException">It cannot be used; says why.</exception>
    public static async Task<IBacking> OpenAsync(IFileLayer files, string location, bool readOnly, bool assumeDurable, TimeProvider time) =>
        IsNbd(location)
            ? await NbdBacking.OpenAsync(ParseUri(location), readOnly, assumeDurable, time).ConfigureAwait(false)
            : FileBacking.Open(files, location, readOnly);

    private static NbdUri ParseUri(string text)
    {
        try
        {
            return NbdUri.Parse(text);
        }
        catch (FormatException e)
        {
            throw new VolumeException(
                VolumeError.Invalid, $"The backing cannot be used: {e.Message} Write nbd://HOST[:PORT]/NAME or nbd+unix:///NAME?socket=PATH.", e);
        }
    }
}
