using ActorBackup.Core.Jobs;
using static ActorBackup.Core.Jobs.JobStatus;

namespace ActorBackup.Core.Tests.Jobs;

/// <summary>QEMU's two tables, written out.</summary>
public sealed class JobStatesTests
{
    private static readonly Dictionary<JobStatus, JobStatus[]> Moves = new()
    {
        [Created] = [Running, Aborting],
        [Running] = [Paused, Ready, Waiting, Aborting],
        [Paused] = [Running],
        [Ready] = [Standby, Waiting, Aborting],
        [Standby] = [Ready],
        [Waiting] = [Pending, Aborting],
        [Pending] = [Aborting, Concluded],
        [Aborting] = [Aborting, Concluded],
        [Concluded] = [],
    };

    private static readonly JobStatus[] Unfinished = [Created, Running, Paused, Ready, Standby];

    private static readonly Dictionary<JobVerb, JobStatus[]> Verbs = new()
    {
        [JobVerb.Cancel] = [.. Unfinished, Waiting, Pending],
        [JobVerb.Pause] = Unfinished,
        [JobVerb.Resume] = Unfinished,
        [JobVerb.SetRate] = Unfinished,
        [JobVerb.SetPolicy] = Unfinished,
        [JobVerb.Complete] = [Ready, Standby],
        [JobVerb.Finalize] = [Pending],
        [JobVerb.Dismiss] = [Concluded],
    };

    [Fact]
    public void Every_pair_of_states_is_as_the_table_says()
    {
        foreach (var from in Enum.GetValues<JobStatus>())
        {
            foreach (var to in Enum.GetValues<JobStatus>())
            {
                Assert.True(Moves[from].Contains(to) == JobStates.CanMove(from, to), $"{from} → {to}");
            }
        }
    }

    [Fact]
    public void Every_verb_in_every_state_is_as_the_table_says()
    {
        foreach (var verb in Enum.GetValues<JobVerb>())
        {
            foreach (var status in Enum.GetValues<JobStatus>())
            {
                Assert.True(Verbs[verb].Contains(status) == JobStates.Accepts(status, verb), $"{verb} in {status}");
            }
        }
    }

    [Fact]
    public void Every_job_can_end()
    {
        foreach (var status in Enum.GetValues<JobStatus>())
        {
            var reached = new HashSet<JobStatus> { status };
            for (var before = 0; before != reached.Count;)
            {
                before = reached.Count;
                reached.UnionWith(reached.ToArray().SelectMany(s => Enum.GetValues<JobStatus>().Where(to => JobStates.CanMove(s, to))));
            }

            Assert.Contains(Concluded, reached);
        }
    }

    [Fact]
    public void Numbers_of_outcomes_and_kinds_are_stored_and_stay()
    {
        Assert.Equal([0, 1, 2, 3], new[] { JobOutcome.Success, JobOutcome.Failed, JobOutcome.Cancelled, JobOutcome.Interrupted }.Select(x => (int)x));
        Assert.Equal([0, 1, 2, 3, 4], new[] { JobKind.Backup, JobKind.Restore, JobKind.Verify, JobKind.Copy, JobKind.Gc }.Select(x => (int)x));
        Assert.Equal([0, 1, 2, 3, 4], new[] { SyncMode.Auto, SyncMode.Full, SyncMode.Incremental, SyncMode.Bitmap, SyncMode.None }.Select(x => (int)x));
    }
}
