using ActorBackup.Simulation.Tests.Machines;
using ActorBackup.Storage;
using ActorBackup.Storage.Reading;
using ActorBackup.Storage.Verifying;
using ActorBackup.Storage.Writing;

namespace ActorBackup.Simulation.Tests.Repositories;

/// <summary>The life of a repository under one seed: processes that fill it and die, until the faults stop; then everything must come to rest and be there.</summary>
internal sealed class RepositorySimulation
{
    private const int StepsToStop = 60_000;

    private readonly RepositoryWorld _world;
    private readonly ulong _seed;

    private RepositorySimulation(ulong seed, WriterGuards guards)
    {
        _seed = seed;
        _world = new RepositoryWorld(new Dice(seed), guards);
    }

    private bool IsBroken => _world.Machine.Violation is not null;

    public static RepositoryOutcome Run(ulong seed, WriterGuards? guards = null) => SimThread.Run(() => new RepositorySimulation(seed, guards ?? WriterGuards.On).Run());

    private RepositoryOutcome Run()
    {
        try
        {
            for (var rounds = 2 + _world.Dice.Below(4); rounds > 0 && !IsBroken; rounds--)
            {
                Live(new CrashPlan(_world.Dice));
                if (_world.Dice.Chance(_world.Objects.Faults.GarbageRots))
                {
                    _world.RotGarbage();
                }
            }

            if (!IsBroken)
            {
                ComeToRest();
            }
        }
        catch (Exception e)
        {
            _world.Report($"unexpected: {e}");
        }

        return new RepositoryOutcome(_seed, _world.Machine.Violation, _world.Trace, _world.Statistics);
    }

    private void Live(CrashPlan crash)
    {
        var process = new RepositoryProcess(_world, crash);
        process.Start(async () =>
        {
            try
            {
                await process.OpenAsync();
            }
            catch (StorageException)
            {
                _world.Machine.Crash();
                return;
            }

            for (var sessions = 1 + _world.Dice.Below(3); sessions > 0; sessions--)
            {
                process.StartSession(isQuiet: false);
                await process.PauseAsync();
            }
        });
        while (_world.Machine.IsUp && !IsBroken && crash.StepsLeft-- > 0)
        {
            process.Step();
        }

        _world.Machine.Crash();
        _world.Objects.ProcessEnded();
        _world.CheckAll("after the end of a process");
    }

    private void ComeToRest()
    {
        _world.Objects.StopFaults();
        var process = new RepositoryProcess(_world, null);
        var isOpen = false;
        process.Start(async () =>
        {
            await process.OpenAsync();
            process.StartSession(isQuiet: true);
            process.StartSession(isQuiet: true);
            isOpen = true;
        });
        for (var steps = 0; !(isOpen && process.Running == 0) && !IsBroken; steps++)
        {
            if (steps == StepsToStop)
            {
                _world.Report("stuck: two sessions without faults");
            }

            process.Step();
        }

        if (!IsBroken && process.Repository!.Writer.PendingCount > 0)
        {
            _world.Report($"{process.Repository.Writer.PendingCount} blocks are still on their way");
        }

        _world.Objects.LetAllIn();
        _world.CheckAll("at rest");
        Verify(process);
    }

    /// <summary>The shipped verification of every point, by an index of its own.</summary>
    private void Verify(RepositoryProcess process)
    {
        var isDone = false;
        process.Start(async () =>
        {
            await process.OpenAsync();
            foreach (var point in (await process.Repository!.Points.ListAsync(CancellationToken.None)).Points)
            {
                var damage = await new PointVerify(process.Repository, point, 100, new NoProgress()).RunAsync(CancellationToken.None);
                if (damage.Count > 0)
                {
                    _world.Report($"verification of point {point.Id}: {damage[0].Reason}");
                }
            }

            isDone = true;
        });
        for (var steps = 0; !isDone && !IsBroken; steps++)
        {
            if (steps == StepsToStop)
            {
                _world.Report("stuck: verification");
            }

            process.Step();
        }

        _world.Machine.EndProcess();
    }

    private sealed class NoProgress : IReadProgress
    {
        public void Total(long bytes)
        {
        }

        public void Done(long bytes)
        {
        }

        public void Zero(long bytes)
        {
        }

        public void Skipped(long bytes)
        {
        }
    }
}
