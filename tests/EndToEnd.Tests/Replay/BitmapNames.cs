namespace ActorBackup.EndToEnd.Tests.Replay;

/// <summary>Few names, so that they meet again; and those that are no names.</summary>
internal static class BitmapNames
{
    public static IReadOnlyList<string> Good { get; } = ["a", "b", "c", "-x", "nächtlich 1"];

    /// <summary>Of 1023 bytes it would be one.</summary>
    public static IReadOnlyList<string> Bad { get; } = ["", new string('n', 1024)];

    /// <summary>Mostly one that is there.</summary>
    public static string Choose(Random random, ReplayState state, int disk) =>
        disk < state.Bitmaps.Count && state.Bitmaps[disk] is { Count: > 0 } there && random.Next(8) > 0
            ? there[random.Next(there.Count)].Name
            : Good[random.Next(Good.Count)];

    /// <summary>Now and then one more than there are.</summary>
    public static int ChooseDisk(Random random, int disks) => random.Next(30) == 0 ? disks : random.Next(disks);
}
