using System.Net;
using System.Net.Http.Headers;
using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using ActorBackup.Api;

namespace ActorBackup.Cli.Connection;

/// <summary>The HTTP API of one node. Every failure is a <see cref="CliException"/> that says what to do.</summary>
public sealed class NodeClient : IDisposable
{
    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(5);

    private readonly HttpClient _http;
    private readonly string _endpoint;
    private readonly bool _hasToken;

    /// <param name="endpoint">The node.</param>
    /// <param name="token">Null: none is sent.</param>
    public NodeClient(Uri endpoint, string? token)
    {
        _endpoint = endpoint.GetLeftPart(UriPartial.Authority);
        _hasToken = token is not null;

        // A proxy from the environment must not see the token, nor sit between a person and the local node.
        // Answers may take long (a reindex reads every pack), so only connecting has a limit; Ctrl-C ends the rest.
        _http = new HttpClient(new SocketsHttpHandler { UseProxy = false, ConnectTimeout = ConnectTimeout })
        {
            BaseAddress = endpoint,
            Timeout = Timeout.InfiniteTimeSpan,
        };
        if (token is not null)
        {
            _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
        }
    }

    public Task<T> GetAsync<T>(string path, JsonTypeInfo<T> reply, CancellationToken cancellation) =>
        SendAsync(HttpMethod.Get, path, null, reply, cancellation);

    public Task<TReply> PostAsync<TBody, TReply>(
        string path, TBody body, JsonTypeInfo<TBody> bodyType, JsonTypeInfo<TReply> reply, CancellationToken cancellation) =>
        SendAsync(HttpMethod.Post, path, Json(body, bodyType), reply, cancellation);

    /// <summary>A verb without arguments.</summary>
    public Task<T> PostAsync<T>(string path, JsonTypeInfo<T> reply, CancellationToken cancellation) =>
        SendAsync(HttpMethod.Post, path, null, reply, cancellation);

    public async Task DeleteAsync(string path, CancellationToken cancellation)
    {
        using var response = await SendAsync(HttpMethod.Delete, path, null, cancellation);
    }

    /// <summary>Server-sent events, until the node or the network ends them.</summary>
    /// <param name="path">Of the stream.</param>
    /// <param name="silenceMax">A connection that carries nothing for so long is taken for lost.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <exception cref="CliException">Refused; <see cref="ErrorCodes.Unreachable"/> also when the connection is lost.</exception>
    public async IAsyncEnumerable<SseItem<string>> EventsAsync(string path, TimeSpan silenceMax, [EnumeratorCancellation] CancellationToken cancellation)
    {
        using var response = await SendAsync(HttpMethod.Get, path, null, cancellation, HttpCompletionOption.ResponseHeadersRead);
        using var silence = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var events = SseParser.Create(await response.Content.ReadAsStreamAsync(cancellation)).EnumerateAsync(silence.Token).GetAsyncEnumerator(silence.Token);
        await using (events)
        {
            while (true)
            {
                silence.CancelAfter(silenceMax);
                try
                {
                    if (!await events.MoveNextAsync())
                    {
                        yield break;
                    }
                }
                catch (Exception e) when (e is HttpRequestException or IOException or OperationCanceledException && !cancellation.IsCancellationRequested)
                {
                    throw Unreachable(e);
                }

                yield return events.Current;
            }
        }
    }

    public void Dispose() => _http.Dispose();

    private static ByteArrayContent Json<T>(T body, JsonTypeInfo<T> type)
    {
        var content = new ByteArrayContent(JsonSerializer.SerializeToUtf8Bytes(body, type));
        content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        return content;
    }

    private async Task<T> SendAsync<T>(
        HttpMethod method, string path, HttpContent? body, JsonTypeInfo<T> reply, CancellationToken cancellation)
    {
        using var response = await SendAsync(method, path, body, cancellation);
        try
        {
            var stream = await response.Content.ReadAsStreamAsync(cancellation);
            return await JsonSerializer.DeserializeAsync(stream, reply, cancellation)
                ?? throw new CliException(ErrorCodes.Internal, $"{_endpoint} answered {method} {path} with nothing");
        }
        catch (JsonException e)
        {
            throw new CliException(ErrorCodes.Internal, $"{_endpoint} answered {method} {path} with something else than this abk reads ({e.Message}); is it a node of the same version?");
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            throw Unreachable(e);
        }
    }

    private async Task<HttpResponseMessage> SendAsync(
        HttpMethod method, string path, HttpContent? body, CancellationToken cancellation, HttpCompletionOption completion = HttpCompletionOption.ResponseContentRead)
    {
        using var request = new HttpRequestMessage(method, path) { Content = body };
        HttpResponseMessage response;
        try
        {
            response = await _http.SendAsync(request, completion, cancellation);
        }
        catch (HttpRequestException e)
        {
            throw Unreachable(e);
        }
        catch (OperationCanceledException e) when (!cancellation.IsCancellationRequested)
        {
            throw Unreachable(e);
        }

        if (response.IsSuccessStatusCode)
        {
            return response;
        }

        using (response)
        {
            throw await RefusalAsync(response, cancellation);
        }
    }

    private async Task<CliException> RefusalAsync(HttpResponseMessage response, CancellationToken cancellation)
    {
        if (await ReadErrorAsync(response, cancellation) is { } error)
        {
            return error.Code == ErrorCodes.Unauthorized ? Unauthorized() : new CliException(error.Code, error.Message);
        }

        var status = (int)response.StatusCode;
        return response.StatusCode switch
        {
            HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden => Unauthorized(),
            HttpStatusCode.ServiceUnavailable or HttpStatusCode.BadGateway or HttpStatusCode.GatewayTimeout =>
                new CliException(ErrorCodes.NotReady, $"{_endpoint} is not ready (HTTP {status}); try again in a moment"),
            HttpStatusCode.NotFound or HttpStatusCode.MethodNotAllowed or HttpStatusCode.NotImplemented =>
                new CliException(ErrorCodes.NotSupported, $"{_endpoint} does not know this request (HTTP {status}); is it a node of this version?"),
            _ => new CliException(ErrorCodes.Internal, $"{_endpoint} failed (HTTP {status}); its log says more"),
        };
    }

    private static async Task<ApiError?> ReadErrorAsync(HttpResponseMessage response, CancellationToken cancellation)
    {
        try
        {
            var body = await response.Content.ReadAsByteArrayAsync(cancellation);
            return JsonSerializer.Deserialize(body, ApiJson.Default.ApiErrorBody) is { Error.Code: not null } read ? read.Error : null;
        }
        catch (Exception e) when (e is JsonException or HttpRequestException or IOException)
        {
            return null;
        }
    }

    private CliException Unauthorized() =>
        new(ErrorCodes.Unauthorized, _hasToken
            ? $"the node at {_endpoint} refused the token, which is not its own; use --token-file DATA/token of that node"
            : $"the node at {_endpoint} wants its token and none was found; use --token-file DATA/token, ACTORBACKUP_TOKEN or ACTORBACKUP_DATA");

    private CliException Unreachable(Exception e) =>
        new(ErrorCodes.Unreachable, $"no node answers at {_endpoint} ({e.Message.TrimEnd('.')}); start one with 'abk node run' or name another with --endpoint");
}
