using System.Globalization;

namespace ActorBackup.Simulation.Tests;

/// <summary>Which seeds to run: ACTORBACKUP_SEED = one, ACTORBACKUP_SEEDS = so many, else as many as the test says.</summary>
internal static class Seeds
{
    public static IEnumerable<ulong> ToRun(int byDefault)
    {
        if (Environment.GetEnvironmentVariable("ACTORBACKUP_SEED") is { Length: > 0 } one)
        {
            return [ulong.Parse(one, CultureInfo.InvariantCulture)];
        }

        var count = Environment.GetEnvironmentVariable("ACTORBACKUP_SEEDS") is { Length: > 0 } many ? int.Parse(many, CultureInfo.InvariantCulture) : byDefault;
        return Enumerable.Range(1, count).Select(s => (ulong)s);
    }
}
