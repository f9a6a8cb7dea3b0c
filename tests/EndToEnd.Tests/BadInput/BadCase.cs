using ActorBackup.Api;

namespace ActorBackup.EndToEnd.Tests.BadInput;

/// <summary>A command line that is refused.</summary>
/// <param name="Code">Its error code.</param>
/// <param name="Says">A part of its line.</param>
/// <param name="Line">Words separated by blanks; <c>''</c> is an empty one, <c>{name}</c> a thing of <see cref="BadInputWorld"/>.</param>
/// <param name="Exit">Where it is not the code's own.</param>
public sealed record BadCase(string Code, string Says, string Line, int? Exit = null)
{
    public int ExitCode => Exit ?? ErrorCodes.ExitCodeOf(Code);

    public override string ToString() => $"abk {Line}";
}
