using ActorBackup.Api;
using ActorBackup.Node.Http;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;

namespace ActorBackup.Node.Startup;

/// <summary>The HTTP API: Kestrel, the token, JSON, OpenAPI and the endpoints.</summary>
public static class HttpApi
{
    private const long BodyBytesMax = 1 << 20;

    public static WebApplication Build(NodeOptions options, string token, NodeSystem node)
    {
        // Nothing is configured by files here; watching the working directory for them would cost a thread and an event for whatever changes below it.
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { Args = ["--hostBuilder:reloadConfigOnChange=false"] });
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = BodyBytesMax;
            kestrel.Listen(options.Http);
        });
        builder.Logging.ClearProviders();
        builder.Logging.AddSimpleConsole(console => console.SingleLine = true);
        builder.Logging.AddConsole(console => console.LogToStandardErrorThreshold = LogLevel.Trace);
        builder.Logging.SetMinimumLevel(LogLevel.Warning);

        // A start that fails is reported by whoever started us, in one line.
        builder.Logging.AddFilter("Microsoft.Extensions.Hosting.Internal.Host", LogLevel.None);
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(5));
        builder.Services.ConfigureHttpJsonOptions(json =>
        {
            json.SerializerOptions.TypeInfoResolverChain.Insert(0, ApiJson.Default);

            // What a request must say is refused when it is missing or null; whoever handles it need not look.
            json.SerializerOptions.RespectNullableAnnotations = true;
            json.SerializerOptions.RespectRequiredConstructorParameters = true;
        });

        // A request that cannot be read is answered like any other error, with a code, and not with an empty body.
        builder.Services.Configure<RouteHandlerOptions>(routes => routes.ThrowOnBadRequest = true);
        builder.Services.AddOpenApi("v1");
        builder.Services.AddSingleton(node);
        builder.Services.AddSingleton(node.Gateway);
        builder.Services.AddSingleton(node.Disks);
        builder.Services.AddSingleton(node.Exports);
        builder.Services.AddSingleton<Exports.PointExports>();
        builder.Services.AddSingleton<RepositoryGateway>();
        builder.Services.AddSingleton<JobFinder>();
        builder.Services.AddSingleton<BaseNews>();
        builder.Services.AddSingleton<JobEventStreams>();

        var app = builder.Build();
        app.UseExceptionHandler(errors => errors.Run(ReportAsync));

        // Only routing answers without a body: no such address, or not with this method.
        app.UseStatusCodePages(answer => Problem.Write(
            answer.HttpContext, new ApiError(ErrorCodes.InvalidArgument, "there is no such address in this API; /openapi/v1.json lists them")));
        app.Use(new TokenGate(token).InvokeAsync);
        app.MapOpenApi();
        NodeEndpoints.Map(app);
        DiskEndpoints.Map(app);
        BitmapEndpoints.Map(app);
        RepositoryEndpoints.Map(app);
        BackupEndpoints.Map(app);
        JobEndpoints.Map(app);
        GroupEndpoints.Map(app);
        PointEndpoints.Map(app);
        return app;
    }

    public static Uri AddressOf(WebApplication app) =>
        new(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());

    private static Task ReportAsync(HttpContext context)
    {
        var failure = context.Features.Get<IExceptionHandlerFeature>()?.Error;
        var error = failure switch
        {
            BadHttpRequestException bad => new ApiError(ErrorCodes.InvalidArgument, $"the request is not valid: {bad.Message.ReplaceLineEndings(" ")}"),
            null => new ApiError(ErrorCodes.Internal, "the request failed"),
            TimeoutException or Akka.Actor.AskTimeoutException => new ApiError(ErrorCodes.NotReady, "the node did not answer in time; it may still be starting, try again"),
            _ => ToError(Actors.Failures.Explain(failure)),
        };
        return Problem.Write(context, error);
    }

    private static ApiError ToError(Messages.Refusal refusal) => new(Problem.CodeOf(refusal.Code), refusal.Message);
}
