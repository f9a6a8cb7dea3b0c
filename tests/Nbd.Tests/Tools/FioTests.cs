using System.Globalization;
using static ActorBackup.Nbd.Tests.Tools.ExternalTool;

namespace ActorBackup.Nbd.Tests.Tools;

public sealed class FioTests : RealClientTest
{
    [ToolTheory("fio")]
    [InlineData("randwrite", 1, false, false)]
    [InlineData("randwrite", 16, false, true)]
    [InlineData("randwrite", 64, true, false)]
    [InlineData("randrw", 1, true, true)]
    [InlineData("randrw", 32, true, false)]
    [InlineData("randrw", 32, false, true)]
    public async Task Fio_verifies_what_it_wrote(string pattern, int depth, bool isAsynchronous, bool isTcp)
    {
        Device.Before = isAsynchronous ? static async _ => await Task.Yield() : null;
        var output = await SucceedAsync(
            "fio", "--name=verify", "--ioengine=nbd", $"--uri={UriOf(isTcp)}", $"--rw={pattern}", "--bsrange=4k-256k", "--bs_unaligned=0",
            $"--iodepth={depth.ToString(CultureInfo.InvariantCulture)}", "--size=8M", "--verify=crc32c", "--verify_fatal=1", "--do_verify=1", $"--directory={Files.Path}");
        Assert.Contains("err= 0", output, StringComparison.Ordinal);
        Assert.Contains(Device.CallsSoFar, c => c.StartsWith("write", StringComparison.Ordinal));
        Assert.Contains(Device.CallsSoFar, c => c.StartsWith("read", StringComparison.Ordinal));
    }

    [ToolFact("fio")]
    public async Task Fio_trims()
    {
        var output = await SucceedAsync(
            "fio", "--name=trim", "--ioengine=nbd", $"--uri={UriOf(isTcp: false)}", "--rw=randtrim", "--bs=64k", "--iodepth=8", "--size=8M", $"--directory={Files.Path}");
        Assert.Contains("err= 0", output, StringComparison.Ordinal);
        Assert.Equal(128, Device.CallsSoFar.Count(c => c.StartsWith("trim", StringComparison.Ordinal)));
    }
}
