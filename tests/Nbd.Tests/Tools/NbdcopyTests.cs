using System.Security.Cryptography;
using ActorBackup.Nbd.Tests.Support;
using static ActorBackup.Nbd.Tests.Tools.ExternalTool;

namespace ActorBackup.Nbd.Tests.Tools;

public sealed class NbdcopyTests : RealClientTest
{
    [ToolTheory("nbdcopy")]
    [InlineData(false, 1, 1)]
    [InlineData(false, 4, 64)]
    [InlineData(true, 4, 64)]
    public async Task Nbdcopy_copies_both_ways_and_the_hashes_agree(bool isTcp, int connections, int requests)
    {
        Device.Before = static async _ => await Task.Yield();
        string[] options = [$"--connections={connections}", $"--requests={requests}", "--request-size=65536"];
        var image = WriteImage();
        await SucceedAsync("nbdcopy", [.. options, "--flush", image, UriOf(isTcp)]);
        Assert.Equal(SHA256.HashData(File.ReadAllBytes(image)), SHA256.HashData(Device.Content));
        Assert.Contains("flush", Device.CallsSoFar);

        await SucceedAsync("nbdcopy", [.. options, UriOf(isTcp), Files.File("back")]);
        Assert.Equal(SHA256.HashData(File.ReadAllBytes(image)), SHA256.HashData(File.ReadAllBytes(Files.File("back"))));
    }

    [ToolFact("nbdcopy")]
    public async Task Nbdcopy_copies_from_export_to_export_and_leaves_holes_holes()
    {
        var target = new MemoryDevice(SizeBytes);
        target.Content.AsSpan().Fill(0xff);
        Server.Add("target", target);
        await Device.WriteAsync(1 << 20, RandomNumberGenerator.GetBytes(100_000), false, default);
        Device.Calls.Clear();
        await SucceedAsync("nbdcopy", UriOf(isTcp: true), UriOf(isTcp: false, "target"));
        Assert.True(target.Content.AsSpan().SequenceEqual(Device.Content));
        Assert.InRange(Device.CallsSoFar.Where(c => c.StartsWith("read", StringComparison.Ordinal)).Sum(c => int.Parse(c.Split(' ')[2], null)), 100_000, 1 << 20);
    }

    [ToolFact("nbdcopy")]
    public async Task Nbdcopy_fails_when_the_device_does()
    {
        Device.Before = call => call.StartsWith("read 1048576", StringComparison.Ordinal)
            ? throw new Core.Blocks.BlockDeviceException(Core.Blocks.BlockDeviceError.InputOutput, "bad sector")
            : ValueTask.CompletedTask;
        var (exitCode, output) = await RunAsync("nbdcopy", "--no-extents", UriOf(isTcp: false), Files.File("back"));
        Assert.NotEqual(0, exitCode);
        Assert.Contains("Input/output error", output, StringComparison.Ordinal);
    }
}
