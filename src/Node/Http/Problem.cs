using System.Text;
using ActorBackup.Api;
using ActorBackup.Messages;

namespace ActorBackup.Node.Http;

/// <summary>Errors as the API reports them.</summary>
public static class Problem
{
    public static IResult Of(Refusal refusal) => Of(CodeOf(refusal.Code), refusal.Message);

    public static IResult Of(string code, string message) =>
        Results.Json(new ApiErrorBody(new ApiError(code, message)), ApiJson.Default.ApiErrorBody, statusCode: ErrorCodes.HttpStatusOf(code));

    public static Task Write(HttpContext context, ApiError error)
    {
        context.Response.StatusCode = ErrorCodes.HttpStatusOf(error.Code);
        return context.Response.WriteAsJsonAsync(new ApiErrorBody(error), ApiJson.Default.ApiErrorBody);
    }

    /// <summary>The member's name in snake case.</summary>
    public static string CodeOf(RefusalCode code)
    {
        var name = code.ToString();
        var text = new StringBuilder(name.Length + 4);
        foreach (var c in name)
        {
            if (char.IsUpper(c) && text.Length > 0)
            {
                text.Append('_');
            }

            text.Append(char.ToLowerInvariant(c));
        }

        return text.ToString();
    }
}
