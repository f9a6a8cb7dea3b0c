using System.CommandLine;
using ActorBackup.Api;
using ActorBackup.Core.Bitmaps;
using ActorBackup.Core.Jobs;

namespace ActorBackup.Cli.Commands;

/// <summary>The flags of <c>abk backup</c>, and what can be refused about them without asking a node.</summary>
public sealed class BackupFlags
{
    private const int WorkersMost = 64;

    private static readonly string[] OnError = ["report", "ignore", "stop", "enospc", "auto"];

    private readonly Option<string?> _repo = new("--repo") { Description = "Repository. Default: the default one", HelpName = "R" };

    private readonly Choice _sync = new(
        "--sync",
        "What to copy. auto (default): what changed since the last backup by bitmap auto.REPO, everything the first time; full: everything; "
            + "incremental, bitmap: what the bitmap says; none: nothing, but export this instant read-only until cancelled, without a repository",
        "auto", "full", "incremental", "bitmap", "none");

    private readonly Option<string?> _bitmap = new("--bitmap") { Description = "Bitmap to read and to synchronise", HelpName = "B" };

    private readonly Choice _policy = Policy();

    private readonly Choice _base = new("--base", "none: copy just the bitmap's blocks, into a partial point. Default: the bitmap's base", "none");

    private readonly Choice _fallback = new("--fallback", "full: when there is no usable base, copy everything and exit with 3. Default: none", "none", "full");

    private readonly Option<string?> _rate = new("--rate") { Description = "Bytes per second. Default: 0, unlimited", HelpName = "SIZE" };

    private readonly Option<string?> _workers = new("--workers")
    {
        Description = "Blocks in flight; with 1 they are copied one by one in ascending order. Default: as many as help",
        HelpName = "N",
    };

    private readonly Choice _onSourceError = new(
        "--on-source-error",
        "A block cannot be read: fail (report, default), go on without it into a partial point (ignore), pause until 'abk job resume' (stop)",
        OnError);

    private readonly Choice _onTargetError = new(
        "--on-target-error",
        "The repository fails: fail (report, default), try again for ten minutes (ignore), pause until 'abk job resume' (stop), the same only when it is full (enospc, auto)",
        OnError);

    private readonly Choice _onCbwError = new(
        "--on-cbw-error", "A guest write cannot be held back: fail the job (default) or the write", "break-snapshot", "break-guest-write");

    private readonly Option<string?> _cbwTimeout = new("--cbw-timeout") { Description = "Seconds before --on-cbw-error applies. Default: 0, never", HelpName = "S" };

    private readonly Option<string?> _restart = new("--restart") { Description = "Retry by itself so many times, with back-off. Default: 0", HelpName = "N" };

    private readonly Option<bool> _noAutoFinalize = new("--no-auto-finalize")
    {
        Description = "Wait in pending for 'abk job finalize'; a failed job then for --keep or --discard",
    };

    private readonly Option<bool> _noAutoDismiss = new("--no-auto-dismiss") { Description = "Keep the concluded job until 'abk job dismiss'" };

    /// <summary>The bitmap's fate when the job ends; QEMU's on-success is our conditional.</summary>
    public static Choice Policy() =>
        new("--policy", "What the bitmap becomes when the job ends: always keeps what was copied even if it failed; conditional only if it succeeded; never", "always", "conditional", "never")
        {
            Code = ErrorCodes.InvalidPolicy,
            Aliases = new Dictionary<string, string> { ["on-success"] = "conditional" },
        };

    public void AddTo(Command command)
    {
        Option[] options =
        [
            _repo, _sync.Option, _bitmap, _policy.Option, _base.Option, _fallback.Option, _rate, _workers, _onSourceError.Option,
            _onTargetError.Option, _onCbwError.Option, _cbwTimeout, _restart, _noAutoFinalize, _noAutoDismiss,
        ];
        foreach (var option in options)
        {
            command.Add(option);
        }
    }

    /// <exception cref="CliException">The combination is refused whatever the state.</exception>
    public BackupRequest Read(Call call, string disk)
    {
        var request = new BackupRequest(disk)
        {
            Repo = call.Get(_repo),
            Sync = call.Choice(_sync),
            Bitmap = call.Get(_bitmap) is { } bitmap ? Arguments.NewBitmapName(bitmap) : null,
            Policy = call.Choice(_policy),
            Base = call.Choice(_base),
            Fallback = call.Choice(_fallback),
            Rate = call.Rate(_rate),
            Workers = call.Count(_workers, 1, WorkersMost),
            OnSourceError = call.Choice(_onSourceError),
            OnTargetError = call.Choice(_onTargetError),
            OnCbwError = call.Choice(_onCbwError),
            CbwTimeout = call.Count(_cbwTimeout, 0),
            Restart = call.Count(_restart, 0),
            NoAutoFinalize = call.Get(_noAutoFinalize),
            NoAutoDismiss = call.Get(_noAutoDismiss),
        };
        return Refusal(request) is { } refusal ? throw new CliException(ErrorCodes.InvalidPolicy, refusal) : request;
    }

    /// <summary>Null when sync mode, bitmap and policy go together, or when the node must look for the bitmap before it says so.</summary>
    public static string? Refusal(BackupRequest request)
    {
        var sync = request.Sync is { } named ? Enum.Parse<SyncMode>(named, ignoreCase: true) : SyncMode.Auto;
        BitmapSyncPolicy? policy = request.Policy is { } given ? Enum.Parse<BitmapSyncPolicy>(given, ignoreCase: true) : null;

        // As in QEMU, a bitmap that does not exist is reported before what does not go with it.
        return request.Bitmap is null || sync is SyncMode.Incremental or SyncMode.Auto
            ? BackupArguments.Refusal(sync, request.Bitmap is not null, policy)
            : null;
    }
}
