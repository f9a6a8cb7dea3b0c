using System.Reflection;
using Microsoft.AspNetCore.Http.Features;

namespace ActorBackup.Node.Http;

/// <summary>A bitmap's name in an address. It may contain any character, also a slash, which routing leaves encoded and would thus confuse with "%2F".</summary>
/// <param name="Value">Decoded.</param>
public readonly record struct BitmapSegment(string Value)
{
    /// <summary>Of <c>/v1/disks/DISK/bitmaps/NAME</c>, split at slashes.</summary>
    private const int Index = 5;

    public static ValueTask<BitmapSegment> BindAsync(HttpContext context, ParameterInfo parameter)
    {
        var target = context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget;
        var segments = target.Split('?', 2)[0].Split('/');
        return segments.Length > Index
            ? ValueTask.FromResult(new BitmapSegment(Uri.UnescapeDataString(segments[Index])))
            : throw new BadHttpRequestException($"the address {target} names no {parameter.Name}");
    }
}
