using System.Globalization;
using ActorBackup.Core.Jobs;

namespace ActorBackup.Messages.Disks;

/// <summary>How far somebody has followed the changes of a job. As text <c>RUN.SEQUENCE.STATUS.DIGEST</c>, which clients give back as it is.</summary>
/// <param name="Run">Who counted: one incarnation of the job's actor. Another one counts anew, and knows by the rest what was seen.</param>
/// <param name="Sequence">Of the last change that was seen.</param>
/// <param name="Status">The job's, then.</param>
/// <param name="Digest">Of all that makes a change, then.</param>
public sealed record JobCursor(string Run, long Sequence, JobStatus Status, string Digest)
{
    /// <summary>Null when the text is no cursor.</summary>
    public static JobCursor? Parse(string text) =>
        text.Split('.') is [{ Length: > 0 } run, var sequence, var status, { Length: > 0 } digest]
            && long.TryParse(sequence, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            && Enum.TryParse<JobStatus>(status, ignoreCase: true, out var known)
            ? new JobCursor(run, number, known, digest)
            : null;

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Run}.{Sequence}.{Status.ToString().ToLowerInvariant()}.{Digest}");
}

/// <summary>A job as it was after it had changed.</summary>
public sealed record JobChange(JobCursor Cursor, JobView View);

/// <summary>What somebody who follows a job has not seen yet.</summary>
/// <param name="Changes">In their order; none = only figures may be new.</param>
/// <param name="Now">The job.</param>
/// <param name="Cursor">Behind all of that.</param>
public sealed record JobChanges(IReadOnlyList<JobChange> Changes, JobView Now, JobCursor Cursor);
