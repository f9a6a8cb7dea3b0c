using ActorBackup.Simulation.Tests.Machines;

namespace ActorBackup.Simulation.Tests.Stores;

/// <summary>The objects of a store, which outlive processes: the worst that <see cref="Storage.Objects.IObjectStore"/> permits.</summary>
/// <remarks>
/// An object whose put has not returned may be seen and may be gone after a power failure of the store, until a put of its key returns or a list names it.
/// One whose put failed or died may come at any later time, whoever uses the key meanwhile.
/// </remarks>
internal sealed class SimObjects(Machine machine, StoreFaults faults)
{
    private const int DelayMax = 40;

    private readonly List<(string Key, byte[] Content)> _underWay = [];
    private readonly List<(string Key, byte[] Content)> _late = [];
    private readonly Dictionary<string, byte[]> _deleted = new(StringComparer.Ordinal);
    private readonly Dictionary<string, byte[]> _all = new(StringComparer.Ordinal);
    private readonly HashSet<string> _unsure = new(StringComparer.Ordinal);

    public StoreFaults Faults { get; private set; } = faults;

    /// <summary>What readers see.</summary>
    public IReadOnlyDictionary<string, byte[]> All => _all;

    /// <summary>Until when nobody gets an answer; the past = it is there.</summary>
    public DateTimeOffset AwayUntil { get; set; }

    /// <summary>While it is away, who asks waits.</summary>
    public bool IsHanging { get; set; }

    public bool IsAway => machine.Now < AwayUntil;

    /// <summary>It goes away for up to a minute, or comes back.</summary>
    public void GoAway(bool isAway)
    {
        AwayUntil = isAway ? machine.Now + TimeSpan.FromMilliseconds(machine.Dice.Between(1, machine.Dice.Pick([500, 5_000, 60_000]))) : default;
        IsHanging = machine.Dice.Chance(Faults.Hangs);
    }

    /// <summary>Called when an object is seen that was not.</summary>
    public Action<string, byte[]> Appeared { get; set; } = static (_, _) => { };

    /// <summary>Called when an object is gone that was seen.</summary>
    public Action<string> Vanished { get; set; } = static _ => { };

    /// <summary>Called when an object is on stable storage.</summary>
    public Action<string, byte[]> BecameDurable { get; set; } = static (_, _) => { };

    public bool IsDurable(string key) => _all.ContainsKey(key) && !_unsure.Contains(key);

    /// <summary>What anybody may still see come, or come back.</summary>
    public IEnumerable<(string Key, byte[] Content)> Coming => _underWay.Concat(_late).Concat(_deleted.Select(d => (d.Key, d.Value)));

    public void StopFaults() => (Faults, AwayUntil) = (StoreFaults.None with { IsLocal = Faults.IsLocal }, default);

    /// <summary>Somebody sends the object.</summary>
    public void Send(string key, byte[] content) => _underWay.Add((key, content));

    /// <summary>The sender's request has come, or never will.</summary>
    public void Received(string key, byte[] content) => _underWay.Remove((key, content));

    /// <summary>The request comes later.</summary>
    public void Postpone(string key, byte[] content) => _late.Add((key, content));

    /// <summary>False = the key is taken.</summary>
    public bool PutIfAbsent(string key, byte[] content)
    {
        if (!_all.TryAdd(key, content))
        {
            return false;
        }

        _unsure.Add(key);
        Appeared(key, content);
        return true;
    }

    public void MakeDurable(string key)
    {
        if (_unsure.Remove(key))
        {
            BecameDurable(key, _all[key]);
        }
    }

    public void Delete(string key, bool isDurable)
    {
        if (_all.Remove(key, out var content))
        {
            _deleted[key] = content;
            _unsure.Remove(key);
            Vanished(key);
        }

        if (isDurable)
        {
            _deleted.Remove(key);
        }
    }

    /// <summary>Somebody damages what lies there.</summary>
    public void Damage(string key)
    {
        var content = (byte[])_all[key].Clone();
        if (content.Length > 0 && machine.Dice.Chance(0.5))
        {
            content[^(1 + machine.Dice.Below(Math.Min(8, content.Length)))] ^= 1;
        }
        else
        {
            content = content[..machine.Dice.Below(content.Length + 1)];
        }

        _all[key] = content;
    }

    /// <summary>An operation begins: some that are late come before it.</summary>
    public void LetSomeIn()
    {
        if (_late.Count > 0 && machine.Dice.Below(DelayMax) == 0)
        {
            LetIn(machine.Dice.Below(_late.Count));
        }
    }

    public void LetAllIn()
    {
        while (_late.Count > 0)
        {
            LetIn(0);
        }
    }

    /// <summary>A process is gone, and so are its requests, save for those that are on a wire.</summary>
    public void ProcessEnded()
    {
        foreach (var (key, content) in _underWay)
        {
            if (!Faults.IsLocal && machine.Dice.Chance(Faults.ComesLater))
            {
                _late.Add((key, content));
            }
        }

        _underWay.Clear();
        if (Faults.IsLocal ? machine.PowerWasLost : machine.Dice.Chance(Faults.PowerFails))
        {
            LosePower();
        }

        if (machine.Dice.Chance(0.3))
        {
            LetAllIn();
        }
    }

    private void LosePower()
    {
        machine.Trace.Add("store lost power");
        if (Faults.IsLocal)
        {
            _late.Clear();
        }

        foreach (var key in _unsure.Order(StringComparer.Ordinal).ToList())
        {
            if (machine.Dice.Chance(0.5))
            {
                _all.Remove(key);
                _unsure.Remove(key);
                Vanished(key);
            }
            else
            {
                MakeDurable(key);
            }
        }

        foreach (var (key, content) in _deleted.OrderBy(d => d.Key, StringComparer.Ordinal).ToList())
        {
            if (machine.Dice.Chance(0.5) && PutIfAbsent(key, content))
            {
                MakeDurable(key);
            }
        }

        _deleted.Clear();
    }

    private void LetIn(int index)
    {
        var (key, content) = _late[index];
        _late.RemoveAt(index);
        machine.Trace.Add("R late " + key);
        PutIfAbsent(key, content);
    }
}
