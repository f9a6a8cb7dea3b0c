using System.Net.Sockets;
using ActorBackup.Api;

namespace ActorBackup.Node.Startup;

/// <summary>A node from its start to its orderly stop.</summary>
public static class NodeProcess
{
    /// <summary>A stop that takes longer ends like a crash, which every store survives.</summary>
    private static readonly TimeSpan StopPatience = TimeSpan.FromSeconds(25);

    public static async Task<int> RunAsync(NodeOptions options)
    {
        using var data = DataDirectory.Open(options.DataDirectory);
        var token = data.ReadOrCreateToken();
        await using var node = await NodeSystem.StartAsync(options, data);
        await using var api = HttpApi.Build(options, token, node);
        try
        {
            await api.StartAsync();
        }
        catch (IOException e) when (e.InnerException is Microsoft.AspNetCore.Connections.AddressInUseException || e.Message.Contains("in use", StringComparison.Ordinal))
        {
            throw new StartupException(ExitCodes.Failed, $"{options.Http} is in use by another program; choose another --http HOST:PORT");
        }
        catch (Exception e) when (e is IOException or SocketException)
        {
            throw new StartupException(ExitCodes.Failed, $"cannot serve HTTP on {options.Http}: {e.Message}");
        }

        var address = HttpApi.AddressOf(api);
        NodePointer.Write(address.Port, data.FullPath);
        Console.WriteLine($"ready http={address.Scheme}://{address.Authority} nbd={node.NbdAddress}");
        await Console.Out.FlushAsync();

        await api.WaitForShutdownAsync();
        using var hardStop = new Timer(_ => Environment.Exit(ExitCodes.Failed), null, StopPatience, Timeout.InfiniteTimeSpan);
        await node.StopAsync();
        return ExitCodes.Done;
    }
}
