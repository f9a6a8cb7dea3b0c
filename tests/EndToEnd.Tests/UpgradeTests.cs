using System.Diagnostics;
using ActorBackup.EndToEnd.Tests.Support;
using Xunit.Abstractions;

namespace ActorBackup.EndToEnd.Tests;

/// <summary>One version of the node takes over from another.</summary>
public sealed class UpgradeTests(ITestOutputHelper output)
{
    private const int WritesBetween = 20;

    [Trait("Category", "Slow")]
    [ToolFact("qemu-io")]
    public async Task A_guest_of_one_version_goes_on_under_the_next_after_a_pause()
    {
        await using var world = new World();
        var building = OtherBuild.MakeAsync(world.PathOf("next"));
        await world.StartNodeAsync();
        var disk = await world.AddDiskAsync("d", p => Image.Random(p, 32 * Image.MiB, seed: 90));
        await world.CreateRepositoryAsync();
        await world.AbkAsync("bitmap", "add", "d", "b");
        await world.AbkAsync("backup", "d", "--sync", "full", "--bitmap", "b", "--policy", "always", "--wait");
        var next = await building;

        await using var guest = QemuGuest.Start(world.Node, "d");
        await guest.AwaitWritesAsync(WritesBetween);
        var before = guest.Slowest;
        var watch = Stopwatch.StartNew();
        Assert.Equal(0, await world.Node.StopAsync());
        var stopped = watch.Elapsed;
        await world.StartBuildAsync(next);
        var ready = watch.Elapsed;
        Assert.Equal(OtherBuild.Version, (await world.AbkAsync("version", "--node")).GetProperty("node").GetString());
        await guest.AwaitWritesAsync(WritesBetween);
        await guest.StopAsync();
        output.WriteLine(
            $"stopped after {stopped.TotalSeconds:0.0} s, the next one ready after {ready.TotalSeconds:0.0} s; the guest's slowest request took {guest.Slowest.TotalSeconds:0.0} s, {before.TotalMilliseconds:0} ms before that");

        Assert.Equal(guest.WrittenBytes, await world.DirtyBytesAsync("d", "b"));
        await world.AbkAsync("backup", "d", "--sync", "incremental", "--bitmap", "b", "--wait");
        await world.RestoreAsync("d@latest", world.PathOf("restored.raw"));
        Image.AssertEqual(disk, world.PathOf("restored.raw"));
    }
}
