using System.Diagnostics;
using System.Net.Sockets;

namespace ActorBackup.EndToEnd.Tests.Support;

/// <summary>Another program's NBD server on a unix socket, until it is disposed.</summary>
internal sealed class NbdServerProcess : IAsyncDisposable
{
    private readonly Process _process;
    private bool _isStopped;

    private NbdServerProcess(Process process) => _process = process;

    /// <summary>Starts it, and waits until it takes connections: the socket's file is there a little earlier.</summary>
    public static async Task<NbdServerProcess> StartAsync(string socket, string program, params string[] arguments)
    {
        File.Delete(socket);
        var server = new NbdServerProcess(await StartOnThreadOfItsOwnAsync(new ProcessStartInfo(program, arguments) { RedirectStandardError = true }));
        var said = server._process.StandardError.ReadToEndAsync();
        await Patience.UntilAsync(() => TryConnectAsync(socket), isThere => isThere || server._process.HasExited, $"{program} on {socket}");
        if (server._process.HasExited)
        {
            Assert.Fail($"{program} has exited with {server._process.ExitCode}: {await said}");
        }

        return server;
    }

    public async ValueTask DisposeAsync()
    {
        if (_isStopped)
        {
            return;
        }

        _isStopped = true;
        _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
    }

    /// <summary>nbdkit ends when its parent does, and the kernel takes the thread that started it for that: one of a pool may end at any time.</summary>
    private static Task<Process> StartOnThreadOfItsOwnAsync(ProcessStartInfo info)
    {
        var started = new TaskCompletionSource<Process>(TaskCreationOptions.RunContinuationsAsynchronously);
        var thread = new Thread(() =>
        {
            try
            {
                var process = Process.Start(info)!;
                started.SetResult(process);
                process.WaitForExit();
            }
            catch (Exception e) when (e is System.ComponentModel.Win32Exception or InvalidOperationException)
            {
                // It could not be started, or was disposed.
                started.TrySetException(e);
            }
        });
        thread.IsBackground = true;
        thread.Start();
        return started.Task;
    }

    private static async Task<bool> TryConnectAsync(string path)
    {
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(path));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
