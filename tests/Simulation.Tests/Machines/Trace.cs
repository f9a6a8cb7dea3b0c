using System.Text;

namespace ActorBackup.Simulation.Tests.Machines;

/// <summary>What happened, in order: a hash of all of it, and the end of it in words.</summary>
internal sealed class Trace
{
    private const int Kept = 240;
    private const ulong Prime = 0x100000001b3;

    private readonly (string What, long A, long B)[] _last = new (string, long, long)[Kept];
    private long _count;
    private bool _ended;

    public ulong Hash { get; private set; } = 0xcbf29ce484222325;

    /// <summary>What comes after the first broken promise is not worth reading.</summary>
    public void End() => _ended = true;

    public void Add(string what, long a = 0, long b = 0)
    {
        if (_ended)
        {
            return;
        }

        if (_count > 0 && _last[(_count - 1) % Kept] == (what, a, b))
        {
            return;
        }

        _last[_count++ % Kept] = (what, a, b);
        foreach (var c in what)
        {
            Mix(c);
        }

        Mix((ulong)a);
        Mix((ulong)b);
    }

    public override string ToString()
    {
        var text = new StringBuilder();
        for (var i = Math.Max(0, _count - Kept); i < _count; i++)
        {
            var (what, a, b) = _last[i % Kept];
            text.Append(i).Append("  ").Append(what).Append(' ').Append(a).Append(' ').Append(b).AppendLine();
        }

        return text.ToString();
    }

    private void Mix(ulong value) => Hash = (Hash ^ value) * Prime;
}
