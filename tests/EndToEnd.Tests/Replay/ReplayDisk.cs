using ActorBackup.EndToEnd.Tests.Support;

namespace ActorBackup.EndToEnd.Tests.Replay;

/// <summary>A disk that both sides have under the same name, each over an image of its own with the same bytes.</summary>
internal sealed record ReplayDisk(string Id, long SizeBytes, int Seed)
{
    /// <summary>A name that no disk has.</summary>
    public static ReplayDisk Unknown { get; } = new("unknown", Image.MiB, 0);

    public void MakeImage(string path) => Image.Random(path, SizeBytes, Seed);
}
