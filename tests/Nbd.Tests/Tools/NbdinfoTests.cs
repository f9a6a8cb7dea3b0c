using System.Text.Json;
using ActorBackup.Nbd.Tests.Support;
using static ActorBackup.Nbd.Tests.Tools.ExternalTool;

namespace ActorBackup.Nbd.Tests.Tools;

public sealed class NbdinfoTests : RealClientTest
{
    private const int No = 2;

    [ToolFact("nbdinfo")]
    public async Task Nbdinfo_sees_size_flags_contexts_and_block_sizes()
    {
        Server.Add("frozen", new MemoryDevice(4096, isReadOnly: true));

        var export = await InfoAsync("disk");
        Assert.Equal(SizeBytes, export.GetProperty("export-size").GetInt64());
        Assert.Equal("a disk", export.GetProperty("description").GetString());
        Assert.Equal("base:allocation", export.GetProperty("contexts")[0].GetString());
        Assert.False(export.GetProperty("is_read_only").GetBoolean());
        foreach (var ability in (string[])["cache", "df", "fast_zero", "flush", "fua", "multi_conn", "trim", "zero"])
        {
            Assert.True(export.GetProperty($"can_{ability}").GetBoolean(), ability);
        }

        Assert.Equal(1, export.GetProperty("block_size_minimum").GetInt32());
        Assert.Equal(4096, export.GetProperty("block_size_preferred").GetInt32());
        Assert.Equal(32 * 1024 * 1024, export.GetProperty("block_size_maximum").GetInt32());

        var frozen = await InfoAsync("frozen");
        Assert.True(frozen.GetProperty("is_read_only").GetBoolean());
        Assert.False(frozen.GetProperty("can_trim").GetBoolean());
    }

    [ToolFact("nbdinfo")]
    public async Task Nbdinfo_gets_yes_or_no()
    {
        Server.Add("frozen", new MemoryDevice(4096, isReadOnly: true));
        foreach (var ability in (string[])["connect", "read", "write", "cache", "df", "fast-zero", "flush", "fua", "multi-conn", "trim", "zero"])
        {
            Assert.Equal((ability, 0), (ability, (await RunAsync("nbdinfo", "--can", ability, UriOf(isTcp: true))).ExitCode));
        }

        foreach (var ability in (string[])["write", "trim", "zero", "fast-zero"])
        {
            Assert.Equal((ability, No), (ability, (await RunAsync("nbdinfo", "--can", ability, UriOf(isTcp: true, "frozen"))).ExitCode));
        }

        Assert.Equal(No, (await RunAsync("nbdinfo", "--is", "read-only", UriOf(isTcp: true))).ExitCode);
        Assert.Equal(0, (await RunAsync("nbdinfo", "--is", "read-only", UriOf(isTcp: true, "frozen"))).ExitCode);
        Assert.Equal("8388608", (await SucceedAsync("nbdinfo", "--size", UriOf(isTcp: true))).Trim());
    }

    [ToolFact("nbdinfo")]
    public async Task Nbdinfo_is_told_that_there_is_no_such_export()
    {
        var (exitCode, output) = await RunAsync("nbdinfo", UriOf(isTcp: false, "nothing"));
        Assert.Equal(1, exitCode);
        Assert.Contains("No such file or directory", output, StringComparison.Ordinal);
    }

    [ToolFact("nbdinfo")]
    public async Task Nbdinfo_lists_exports_as_they_come_and_go()
    {
        var second = Server.Add("second", new MemoryDevice(4096));
        Assert.Equal(["disk", "second"], await ListAsync());

        Server.Catalog.Remove(second);
        Server.Add("renamed", new MemoryDevice(4096));
        Assert.Equal(["disk", "renamed"], await ListAsync());
    }

    [ToolFact("nbdinfo")]
    public async Task Nbdinfo_lists_a_server_without_exports()
    {
        await using var empty = new TestServer();
        using var info = JsonDocument.Parse(await SucceedAsync("nbdinfo", "--json", "--list", empty.UnixUri("")));
        Assert.Empty(info.RootElement.GetProperty("exports").EnumerateArray());
    }

    [ToolFact("nbdinfo")]
    public async Task Nbdinfo_maps_holes_and_data()
    {
        await Device.WriteAsync(1 << 20, new byte[65536], false, default);
        using var map = JsonDocument.Parse(await SucceedAsync("nbdinfo", "--json", "--map", UriOf(isTcp: false)));
        var runs = map.RootElement.EnumerateArray().Select(r => (r.GetProperty("offset").GetInt64(), r.GetProperty("length").GetInt64(), r.GetProperty("type").GetInt32()));
        Assert.Equal([(0, 1 << 20, 3), (1 << 20, 65536, 0), ((1 << 20) + 65536, SizeBytes - (1 << 20) - 65536, 3)], runs);
    }

    [ToolFact("nbdinfo")]
    public async Task Nbdinfo_maps_a_context_of_the_exports_own_over_more_runs_than_fit_in_a_reply()
    {
        Server.Add("tracked", new HoleDevice(3L << 32), "", new StripedContext("qemu:dirty-bitmap:daily", 1 << 20));
        using var map = JsonDocument.Parse(await SucceedAsync("nbdinfo", "--json", "--map=qemu:dirty-bitmap:daily", UriOf(isTcp: false, "tracked")));
        var runs = map.RootElement.EnumerateArray().Select(r => (r.GetProperty("offset").GetInt64(), r.GetProperty("length").GetInt64(), r.GetProperty("type").GetInt32())).ToList();
        Assert.Equal(Enumerable.Range(0, 3 << 12).Select(i => ((long)i << 20, 1L << 20, i & 1)), runs);
    }

    private async Task<JsonElement> InfoAsync(string name)
    {
        using var info = JsonDocument.Parse(await SucceedAsync("nbdinfo", "--json", Server.UnixUri(name)));
        return info.RootElement.GetProperty("exports")[0].Clone();
    }

    private async Task<List<string?>> ListAsync()
    {
        using var info = JsonDocument.Parse(await SucceedAsync("nbdinfo", "--json", "--list", Server.UnixUri("")));
        return [.. info.RootElement.GetProperty("exports").EnumerateArray().Select(e => e.GetProperty("export-name").GetString())];
    }
}
