using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using ActorBackup.EndToEnd.Tests.Support;

namespace ActorBackup.EndToEnd.Tests;

/// <summary>The node as a process: start, kill, stop, and what keeps it from starting.</summary>
public class NodeTests
{
    [Fact]
    public async Task A_disk_is_of_the_node_whose_label_was_named()
    {
        await using var world = new World();
        await world.StartNodeAsync("data", "--host", "rack-7");
        Image.Random(world.PathOf("d.raw"), Image.MiB, seed: 9);

        await world.RefusedAsync(2, "no node with the label 'rack-8'; this one is 'rack-7'", "disk", "add", "d", "--file", world.PathOf("d.raw"), "--host", "rack-8");
        var disk = await world.AbkAsync("disk", "add", "d", "--file", world.PathOf("d.raw"), "--host", "rack-7");

        Assert.Equal("rack-7", disk.GetProperty("host").GetString());
    }

    [Fact]
    public async Task Fifty_disks_are_served_again_after_a_kill()
    {
        await using var world = await World.StartAsync();
        for (var i = 0; i < 50; i++)
        {
            await world.AddDiskAsync($"d{i}", p => Image.Random(p, 128 * 1024, seed: i));
        }

        await world.Node.KillAsync();
        var node = await world.StartNodeAsync();

        // Ready means served: no waiting here.
        for (var i = 0; i < 50; i++)
        {
            await using var guest = await Guest.ConnectAsync(node, $"d{i}");
            await guest.FillAsync([1], 5);
        }

        var disks = await world.AbkAsync("disk", "list");
        Assert.Equal(50, disks.EnumerateArray().Count(d => d.GetProperty("state").GetString() == "online"));
    }

    [Fact]
    public async Task An_orderly_stop_keeps_every_bit_and_nothing_more()
    {
        await using var world = await World.StartAsync();
        await world.AddDiskAsync("d", p => Image.Random(p, 32 * Image.MiB, seed: 50));
        await world.AbkAsync("bitmap", "add", "d", "b");
        await using (var guest = await Guest.ConnectAsync(world.Node, "d"))
        {
            await guest.FillAsync([3, 100], 1);
        }

        var before = await world.ExtentsAsync("d", "b");
        Assert.Equal(0, await world.Node.StopAsync());
        await world.StartNodeAsync();

        Assert.Equal(before, await world.ExtentsAsync("d", "b"));
        Assert.Equal([(3L * Image.BlockBytes, (long)Image.BlockBytes), (100L * Image.BlockBytes, (long)Image.BlockBytes)], before);
    }

    [Fact]
    public async Task A_disk_that_changed_behind_the_node_has_inconsistent_bitmaps()
    {
        await using var world = await World.StartAsync();
        var image = await world.AddDiskAsync("d", p => Image.Random(p, 8 * Image.MiB, seed: 51));
        await world.CreateRepositoryAsync();
        await world.AbkAsync("bitmap", "add", "d", "b");
        await world.Node.StopAsync();
        using (var file = new FileStream(image, FileMode.Open, FileAccess.ReadWrite))
        {
            file.WriteByte(1);
        }

        File.SetLastWriteTimeUtc(image, File.GetLastWriteTimeUtc(image).AddSeconds(7));
        await world.StartNodeAsync();

        var bitmap = await Patience.UntilAsync(() => world.BitmapAsync("d", "b"), b => b.GetProperty("inconsistent").GetBoolean(), "the bitmap to be inconsistent");
        Assert.False(bitmap.GetProperty("recording").GetBoolean());
        await world.RefusedAsync(1, "inconsistent", "backup", "d", "--sync", "full", "--bitmap", "b", "--policy", "always");
    }

    [Fact]
    public async Task A_data_directory_that_was_put_back_makes_the_bitmaps_inconsistent()
    {
        await using var world = await World.StartAsync();
        await world.AddDiskAsync("d", p => Image.Random(p, 8 * Image.MiB, seed: 52));
        await world.CreateRepositoryAsync();
        await world.AbkAsync("backup", "d", "--wait");
        await world.Node.KillAsync();
        await Tool.SucceedAsync("cp", "-a", world.PathOf("data"), world.PathOf("data.earlier"));
        await world.StartNodeAsync();
        await using (var guest = await Guest.ConnectAsync(world.Node, "d"))
        {
            await guest.FillAsync([3], 0x33);
        }

        // The bitmap counts from the second point now; the journal of before would count the same bits from the first.
        await world.AbkAsync("backup", "d", "--wait");
        await world.Node.KillAsync();
        Directory.Delete(world.PathOf("data"), recursive: true);
        Directory.Move(world.PathOf("data.earlier"), world.PathOf("data"));
        await world.StartNodeAsync();

        var bitmap = await Patience.UntilAsync(
            () => world.BitmapAsync("d", "auto.main"), b => b.GetProperty("inconsistent").GetBoolean(), "the bitmap to be inconsistent");
        Assert.Contains("different times", bitmap.GetProperty("inconsistentReason").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Health_and_description_are_open_and_everything_else_needs_the_token()
    {
        await using var world = await World.StartAsync();
        using var http = new HttpClient { BaseAddress = new Uri(world.Node.Endpoint) };

        Assert.Equal(HttpStatusCode.Unauthorized, (await http.GetAsync("/v1/disks")).StatusCode);
        http.DefaultRequestHeaders.Authorization = new("Bearer", "wrong");
        Assert.Equal(HttpStatusCode.Unauthorized, (await http.GetAsync("/v1/disks")).StatusCode);
        http.DefaultRequestHeaders.Authorization = new("Bearer", (await File.ReadAllTextAsync(Path.Combine(world.Node.Data, "token"))).Trim());
        Assert.Equal(HttpStatusCode.OK, (await http.GetAsync("/v1/disks")).StatusCode);
        using var api = JsonDocument.Parse(await http.GetStringAsync("/openapi/v1.json"));
        Assert.True(api.RootElement.GetProperty("paths").EnumerateObject().Count() > 15);
        http.DefaultRequestHeaders.Authorization = null;
        Assert.Equal(HttpStatusCode.OK, (await http.GetAsync("/health/ready")).StatusCode);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path.Combine(world.Node.Data, "token")));
    }

    [Fact]
    public async Task What_keeps_a_node_from_starting_is_said_in_one_line()
    {
        await using var world = await World.StartAsync();
        await AssertRefusedAsync(11, "in use", "--data", world.PathOf("data"), "--http", "127.0.0.1:0");

        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        await AssertRefusedAsync(1, "in use", "--data", world.PathOf("second"), "--http", $"127.0.0.1:{((IPEndPoint)taken.LocalEndpoint).Port}");

        Directory.CreateDirectory(world.PathOf("newer"));
        await File.WriteAllTextAsync(world.PathOf("newer/version"), "actorbackup-data 99\n");
        await AssertRefusedAsync(1, "version", "--data", world.PathOf("newer"), "--http", "127.0.0.1:0");

        Directory.CreateDirectory(world.PathOf("photos"));
        await File.WriteAllTextAsync(world.PathOf("photos/cat.jpg"), "meow");
        await AssertRefusedAsync(1, "photos", "--data", world.PathOf("photos"), "--http", "127.0.0.1:0");
        Assert.Equal([world.PathOf("photos/cat.jpg")], Directory.GetFileSystemEntries(world.PathOf("photos")));

        await AssertRefusedAsync(2, "insecure", "--data", world.PathOf("open"), "--http", "0.0.0.0:0");
        await AssertRefusedAsync(2, "--frob", "--data", world.PathOf("open"), "--frob", "1");
    }

    [Fact]
    public async Task Without_a_node_or_with_a_wrong_token_the_command_line_says_so()
    {
        await using var world = await World.StartAsync();
        await File.WriteAllTextAsync(world.PathOf("wrong"), "not-the-token");
        var wrong = await Tool.RunAsync("dotnet", [Product.CliDll, "disk", "list"], new Dictionary<string, string>
        {
            ["ACTORBACKUP_ENDPOINT"] = world.Node.Endpoint,
            ["ACTORBACKUP_TOKEN_FILE"] = world.PathOf("wrong"),
        });
        Assert.Equal(12, wrong.ExitCode);
        Assert.Single(wrong.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries));

        await world.Node.StopAsync();
        var gone = await world.RunAsync("disk", "list");
        Assert.Equal(13, gone.ExitCode);
        Assert.Single(gone.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    private static async Task AssertRefusedAsync(int exitCode, string says, params string[] arguments)
    {
        var result = await Tool.RunAsync("dotnet", [Product.NodeDll, .. arguments]);
        Assert.True(result.ExitCode == exitCode, $"{string.Join(' ', arguments)}: expected {exitCode}, got {result}");
        var line = Assert.Single(result.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.Contains(says, line, StringComparison.Ordinal);
        Assert.Empty(result.Out);
    }
}
