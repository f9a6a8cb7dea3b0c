namespace ActorBackup.Simulation.Tests.Machines;

/// <summary>Random numbers of one seed (splitmix64): the same on every machine and runtime.</summary>
internal sealed class Dice(ulong seed)
{
    private ulong _state = seed;

    public ulong Next()
    {
        _state += 0x9e3779b97f4a7c15;
        var z = _state;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return z ^ (z >> 31);
    }

    /// <summary>0 ≤ result &lt; end.</summary>
    public int Below(int end) => (int)(Next() % (uint)end);

    /// <summary>first ≤ result ≤ last.</summary>
    public long Between(long first, long last) => first + (long)(Next() % (ulong)(last - first + 1));

    public bool Chance(double probability) => probability > 0 && (Next() >> 11) * (1.0 / (1UL << 53)) < probability;

    public T Pick<T>(IReadOnlyList<T> items) => items[Below(items.Count)];
}
