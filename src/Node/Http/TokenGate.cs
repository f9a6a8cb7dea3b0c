using System.Security.Cryptography;
using System.Text;
using ActorBackup.Api;

namespace ActorBackup.Node.Http;

/// <summary>Lets a request through when it carries the node's token; health needs none.</summary>
public sealed class TokenGate(string token)
{
    private readonly byte[] _expected = SHA256.HashData(Encoding.UTF8.GetBytes(token));

    public Task InvokeAsync(HttpContext context, RequestDelegate next)
    {
        if (context.Request.Path.StartsWithSegments("/health", StringComparison.Ordinal) || IsAuthorised(context.Request))
        {
            return next(context);
        }

        return Problem.Write(
            context,
            new ApiError(ErrorCodes.Unauthorized, "the token is missing or wrong; use --token-file, ACTORBACKUP_TOKEN or ACTORBACKUP_TOKEN_FILE (the node's is in DATA/token)"));
    }

    private bool IsAuthorised(HttpRequest request)
    {
        const string Scheme = "Bearer ";
        var header = request.Headers.Authorization.ToString();
        if (!header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase))
        {
            return false;
        }

        // Hashing first makes the lengths equal, so that the comparison tells nothing by its time.
        var given = SHA256.HashData(Encoding.UTF8.GetBytes(header[Scheme.Length..].Trim()));
        return CryptographicOperations.FixedTimeEquals(given, _expected);
    }
}
