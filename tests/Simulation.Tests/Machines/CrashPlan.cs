namespace ActorBackup.Simulation.Tests.Machines;

/// <summary>When the running process dies: at the n-th operation of a kind, or between two pieces of work. Counts down.</summary>
internal sealed class CrashPlan
{
    private readonly Func<OperationKind, Inode?, bool> _counts;
    private int _operationsLeft;

    public CrashPlan(Dice dice)
    {
        // Small numbers often: an opening has few operations. Syncs, journal and repository are rare, so they are also aimed at alone.
        var most = dice.Pick([12, 60, 250, 900]);
        _counts = dice.Below(8) switch
        {
            0 => static (kind, _) => kind == OperationKind.Sync,
            1 => static (kind, _) => kind is OperationKind.Journal or OperationKind.Conclusion,
            4 => static (kind, _) => kind == OperationKind.Conclusion,
            5 => static (kind, _) => kind == OperationKind.Publish,
            2 => static (kind, _) => kind is OperationKind.Repository or OperationKind.Publish,
            3 => static (kind, inode) => kind == OperationKind.Write && inode?.IsTracking == true,
            _ => static (_, _) => true,
        };
        if (!_counts(OperationKind.Open, null) && (_counts(OperationKind.Conclusion, null) || _counts(OperationKind.Publish, null)))
        {
            most = 4;
        }

        _operationsLeft = dice.Chance(0.25) ? int.MaxValue : 1 + dice.Below(most);
        StepsLeft = 40 + dice.Below(1500);
        EndsOrderly = dice.Chance(0.3);
        Position = dice.Below(3);
    }

    /// <summary>Dies at just this operation, whatever it is.</summary>
    public CrashPlan(int operation, int position)
    {
        (_counts, _operationsLeft, Position) = (static (_, _) => true, operation, position);
    }

    /// <summary>0 = before, 1 = in the middle of, 2 = after the operation.</summary>
    public int Position { get; }

    /// <summary>Pieces of work until the process is killed, or stopped orderly.</summary>
    public int StepsLeft { get; set; }

    public bool EndsOrderly { get; }

    public bool IsDue(OperationKind kind, Inode? inode) => _counts(kind, inode) && --_operationsLeft == 0;
}
