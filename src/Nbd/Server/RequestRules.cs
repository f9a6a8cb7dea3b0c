using ActorBackup.Core.Blocks;
using ActorBackup.Nbd.Protocol;

namespace ActorBackup.Nbd.Server;

/// <summary>Which requests may reach the device: what was negotiated, known flags, inside the device.</summary>
internal sealed class RequestRules(IBlockDevice device, bool isStructured, bool hasContexts)
{
    private const CommandFlags AnyCommand = CommandFlags.ForceUnitAccess;

    private readonly bool _isReadOnly = device.IsReadOnly;
    private readonly bool _canTrim = device.CanTrim;

    public Refusal Check(in RequestHeader request) =>
        request.Command switch
        {
            NbdCommand.Read => CheckRead(request),
            NbdCommand.Write => CheckChange(request, CommandFlags.None, NbdErrno.NoSpace),
            NbdCommand.Trim when _canTrim => CheckRange(request, CommandFlags.None, NbdErrno.InvalidArgument),
            NbdCommand.Trim => CheckChange(request, CommandFlags.None, NbdErrno.InvalidArgument),
            NbdCommand.WriteZeroes => CheckChange(request, CommandFlags.NoHole | CommandFlags.FastZero, NbdErrno.NoSpace),
            NbdCommand.Flush => CheckFlags(request, CommandFlags.None),
            NbdCommand.Cache => CheckRange(request, CommandFlags.None, NbdErrno.InvalidArgument),
            NbdCommand.BlockStatus => CheckStatus(request),
            _ => Invalid("Unknown command."),
        };

    private Refusal CheckRead(in RequestHeader request)
    {
        if (request.Length > NbdLimits.PayloadBytes)
        {
            return Invalid("A read is at most 32 MiB.");
        }

        return CheckRange(request, isStructured ? CommandFlags.DontFragment : CommandFlags.None, NbdErrno.InvalidArgument);
    }

    private Refusal CheckChange(in RequestHeader request, CommandFlags allowed, NbdErrno beyondEnd) =>
        _isReadOnly ? new Refusal(NbdErrno.NotPermitted, "The export is read-only.") : CheckRange(request, allowed, beyondEnd);

    private Refusal CheckStatus(in RequestHeader request)
    {
        if (!hasContexts)
        {
            return Invalid("No meta context was negotiated.");
        }

        return request.Length == 0
            ? Invalid("Block status needs a length.")
            : CheckRange(request, CommandFlags.RequestOne, NbdErrno.InvalidArgument);
    }

    private Refusal CheckRange(in RequestHeader request, CommandFlags allowed, NbdErrno beyondEnd)
    {
        var size = (ulong)device.SizeBytes;
        return request.Offset > size || request.Length > size - request.Offset
            ? new Refusal(beyondEnd, "The range ends beyond the export.")
            : CheckFlags(request, allowed);
    }

    private static Refusal CheckFlags(in RequestHeader request, CommandFlags allowed) =>
        (request.Flags & ~(allowed | AnyCommand)) != 0 ? Invalid("Unknown flags.") : Refusal.None;

    private static Refusal Invalid(string message) => new(NbdErrno.InvalidArgument, message);
}
