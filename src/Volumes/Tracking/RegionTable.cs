using System.Numerics;

namespace ActorBackup.Volumes.Tracking;

/// <summary>The state of every write-intent region: how many writes are in it, whether it was touched, whether its intent is durable.</summary>
/// <remarks>
/// One int per region: bit 30 = the intent is durable, bit 29 = touched since the last ageing, bits 26 to 28 = how many ageings found it untouched, the rest =
/// writes in flight. A write enters with one compare-and-swap that counts it, sets "touched" and tells whether the intent is durable; forgetting an intent
/// is one compare-and-swap from "durable, untouched, nothing in flight". So whichever of the two comes first, the other sees it.
/// </remarks>
internal sealed class RegionTable
{
    private const int Durable = 1 << 30;
    private const int Touched = 1 << 29;
    private const int Idle = 1 << 26;
    private const int IdleMask = IdleMax * Idle;

    /// <summary>Ageings that are counted.</summary>
    public const int IdleMax = 7;

    private readonly TrackingGuards _guards;
    private readonly int[] _states;
    private readonly int _shift;

    public RegionTable(long sizeBytes, long regionBytes, int regionCount, TrackingGuards guards)
    {
        _guards = guards;
        SizeBytes = sizeBytes;
        _shift = BitOperations.Log2((ulong)regionBytes);
        _states = new int[regionCount];
    }

    public long SizeBytes { get; }

    public int Count => _states.Length;

    public long RegionBytes => 1L << _shift;

    public (int First, int Last) Of(long offset, long length) => ((int)(offset >> _shift), (int)((offset + length - 1) >> _shift));

    public (long Offset, long Length) ExtentOf(int region)
    {
        var offset = (long)region << _shift;
        return (offset, Math.Min(1L << _shift, SizeBytes - offset));
    }

    /// <summary>Registers a write in the regions. Returns whether every intent is durable already.</summary>
    public bool Enter(int first, int last)
    {
        var allDurable = true;
        for (var region = first; region <= last; region++)
        {
            ref var state = ref _states[region];
            var before = Volatile.Read(ref state);
            for (int seen; (seen = Interlocked.CompareExchange(ref state, (before + 1) | Touched, before)) != before;)
            {
                before = seen;
            }

            allDurable &= (before & Durable) != 0;
        }

        return allDurable;
    }

    public void Exit(int first, int last)
    {
        for (var region = first; region <= last; region++)
        {
            Interlocked.Decrement(ref _states[region]);
        }
    }

    public bool IsDurable(int region) => (Volatile.Read(ref _states[region]) & Durable) != 0;

    public void SetDurable(int region) => Interlocked.Or(ref _states[region], Durable | Touched);

    /// <summary>The durable intents.</summary>
    public IEnumerable<int> DurableRegions()
    {
        for (var region = 0; region < _states.Length; region++)
        {
            if (IsDurable(region))
            {
                yield return region;
            }
        }
    }

    /// <summary>Ages every durable intent that no write is in, and lists those whose regions saw no write for so many ageings.</summary>
    /// <param name="patience">From 1 to <see cref="IdleMax"/> + 1; 0 = list the regions that were touched since the last ageing, too.</param>
    public List<int> TakeQuiet(int patience)
    {
        var quiet = new List<int>();
        for (var region = 0; region < _states.Length; region++)
        {
            var state = Volatile.Read(ref _states[region]);
            if ((state & ~(Touched | IdleMask)) != Durable)
            {
                continue;
            }

            var idle = (state & Touched) != 0 ? 0 : Math.Min(((state & IdleMask) / Idle) + 1, IdleMax + 1);
            var isAged = Interlocked.CompareExchange(ref _states[region], Durable | (Math.Min(idle, IdleMax) * Idle), state) == state;
            if (isAged && idle >= patience)
            {
                quiet.Add(region);
            }
        }

        return quiet;
    }

    /// <summary>Makes the intent not durable, unless a write came since <see cref="TakeQuiet"/>.</summary>
    public bool TryForget(int region) =>
        _guards.ForgetOnlyQuiet
            ? Volatile.Read(ref _states[region]) is var state
                && (state & ~IdleMask) == Durable
                && Interlocked.CompareExchange(ref _states[region], 0, state) == state
            : (Interlocked.And(ref _states[region], ~Durable) & Durable) != 0;
}
