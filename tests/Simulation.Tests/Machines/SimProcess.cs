namespace ActorBackup.Simulation.Tests.Machines;

/// <summary>One process of the machine: its work, its time, its end.</summary>
internal class SimProcess
{
    private readonly Machine _machine;
    private readonly TaskCompletionSource _never = new();

    /// <param name="machine">Where it runs.</param>
    /// <param name="crash">Null = it lives as long as it likes.</param>
    public SimProcess(Machine machine, CrashPlan? crash)
    {
        _machine = machine;
        Number = machine.StartProcess(crash);
        machine.Bury(this);
        Scheduler = new SimScheduler(machine, machine.Dice);
        Clock = new SimClock(machine, Scheduler);
        machine.Trace.Add("process started", Number);
    }

    public int Number { get; }

    /// <summary>What a dead process waits for.</summary>
    public Task Never => _never.Task;

    public SimScheduler Scheduler { get; }

    public SimClock Clock { get; }

    public bool IsAlive => _machine.IsUp && _machine.Process == Number;

    /// <summary>Starts something that goes on by itself. Whatever it throws that is not the process's death is a bug.</summary>
    public async void Start(Func<Task> work)
    {
        try
        {
            await work();
        }
        catch (ProcessDied)
        {
            // So it ends.
        }
        catch (Exception e)
        {
            // Code that catches everything goes on after the death and may stumble.
            if (IsAlive)
            {
                _machine.Report($"unexpected: {e}");
            }
        }
    }

    /// <summary>One piece of work, or the next moment at which something is due.</summary>
    public void Step()
    {
        try
        {
            if (Scheduler.IsEmpty || _machine.Dice.Chance(_machine.Faults.TimePasses))
            {
                Clock.Advance();
            }
            else
            {
                Scheduler.RunOne();
            }
        }
        catch (ProcessDied)
        {
            // The machine knows.
        }
        catch (Exception e)
        {
            _machine.Report($"posted work threw: {e}");
        }
    }

    /// <summary>Others go first, for a moment or for a while.</summary>
    public async Task PauseAsync()
    {
        var dice = _machine.Dice;
        if (dice.Chance(0.15))
        {
            await Clock.Delay(TimeSpan.FromMilliseconds(dice.Between(1, 3000)));
            return;
        }

        for (var turns = 1 + dice.Below(3); turns > 0; turns--)
        {
            await Scheduler.Yield();
        }
    }
}
