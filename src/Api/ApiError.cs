namespace ActorBackup.Api;

/// <summary>The body of every refused or failed request, and of <c>-o json</c> errors on stderr.</summary>
public sealed record ApiErrorBody(ApiError Error);

/// <param name="Code">One of <see cref="ErrorCodes"/>; stable.</param>
/// <param name="Message">What, why, what to do; one line.</param>
public sealed record ApiError(string Code, string Message);
