using ActorBackup.EndToEnd.Tests.Support;

namespace ActorBackup.EndToEnd.Tests;

/// <summary>Bad input: one clear line, the documented exit code, and nothing changes.</summary>
public sealed class BadInputTests : IAsyncLifetime
{
    private World _world = null!;

    public async Task InitializeAsync()
    {
        _world = await World.StartAsync();
        await _world.AddDiskAsync("d", p => Image.Random(p, Image.MiB, seed: 1));
        await _world.CreateRepositoryAsync();
        await _world.AbkAsync("bitmap", "add", "d", "b");
        await _world.AbkAsync("bitmap", "add", "d", "off", "--disabled");
        await _world.AbkAsync("backup", "d", "--sync", "full", "--bitmap", "b", "--policy", "always", "--wait");
    }

    public async Task DisposeAsync() => await _world.DisposeAsync();

    [Fact]
    public async Task Every_bad_command_is_refused_in_one_line_and_changes_nothing()
    {
        var directory = Directory.CreateDirectory(_world.PathOf("dir")).FullName;
        var text = _world.PathOf("text");
        await File.WriteAllTextAsync(text, "hi");
        var odd = _world.PathOf("odd.raw");
        await File.WriteAllBytesAsync(odd, new byte[1000]);
        var existing = _world.PathOf("existing.raw");
        await File.WriteAllBytesAsync(existing, [1, 2, 3]);
        var newer = RepositoryWith("newer", bytes => bytes[8] = 99);
        var damaged = RepositoryWith("damaged", bytes => bytes[30] ^= 1);
        var good = _world.PathOf("good.raw");
        await File.WriteAllBytesAsync(good, new byte[4096]);
        var before = await StateAsync();

        (int ExitCode, string Says, string Command)[] bad =
        [
            (10, "no disk 'nope'", "disk show nope"),
            (10, "no disk 'nope'", "bitmap list nope"),
            (10, "no disk 'nope'", "backup nope"),
            (1, "already a disk 'd'", $"disk add d --file {odd}"),
            (11, "belongs to disk 'd'", $"disk add e --file {_world.PathOf("d.raw")}"),
            (1, "does not exist", $"disk add e --file {_world.PathOf("missing.raw")}"),
            (1, "directory", $"disk add e --file {directory}"),
            (2, "multiple of 512", $"disk add e --file {odd}"),
            (2, "granularity 5000", $"disk add e --file {odd} --granularity 5000"),
            (2, "'E!'", $"disk add E! --file {odd}"),
            (1, "not a directory", $"disk add e --file {good} --journal {text}"),
            (1, "already has a bitmap 'b'", "bitmap add d b"),
            (2, "granularity 3", "bitmap add d c --granularity 3"),
            (10, "no bitmap 'c'", "bitmap remove d c"),
            (10, "no bitmap 'c'", "bitmap clear d c"),
            (10, "no bitmap 'c'", "bitmap extents d c"),
            (10, "no bitmap 'c'", "bitmap merge d b c"),
            (10, "no disk 'x'", "bitmap merge d b x/y"),
            (10, "no repository 'r'", "backup d --repo r"),
            (10, "no bitmap 'c'", "backup d --sync bitmap --bitmap c --policy never"),
            (2, "needs a bitmap", "backup d --sync bitmap"),
            (2, "never", "backup d --sync full --bitmap b --policy never"),
            (2, "policy", "backup d --sync full --policy always"),
            (2, "conditional", "backup d --sync incremental --bitmap b --policy always"),
            (2, "bitmap", "backup d --sync none --bitmap b --policy always"),
            (1, "no base", "backup d --sync incremental --bitmap off"),
            (2, "'weird'", "backup d --sync weird"),
            (1, "already a repository 'main'", $"repo create main file:{_world.PathOf("fresh")}"),
            (1, "is a file", $"repo create r file:{text}"),
            (1, "not empty", $"repo create r file:{_world.Directory}"),
            (1, "already", $"repo create r file:{_world.PathOf("main")}"),
            (2, "not a repository URL", "repo create r ftp://host/x"),
            (1, "not a repository", $"repo attach r file:{directory}"),
            (1, "does not exist", $"repo attach r file:{_world.PathOf("fresh")}"),
            (1, "newer version", $"repo attach r file:{newer}"),
            (4, "damaged", $"repo attach r file:{damaged}"),
            (10, "no repository 'r'", "repo show r"),
            (10, "no repository 'r'", "repo detach r"),
            (10, "no job 'j'", "job show j"),
            (10, "no job 'j'", "job cancel j"),
            (10, "no job 'j'", "job wait j"),
            (10, "no point 'p'", "point show p"),
            (10, "no point 'p'", "point delete p"),
            (10, "no point 'p'", $"point restore p --to {_world.PathOf("out.raw")}"),
            (10, "no complete point of disk 'x'", $"point restore x@latest --to {_world.PathOf("out.raw")}"),
            (1, "exists", $"point restore d@latest --to {existing}"),
            (11, "belongs to disk 'd'", $"point restore d@latest --to {_world.PathOf("d.raw")} --force"),
            (1, "does not exist", $"point restore d@latest --to {_world.PathOf("nodir/out.raw")}"),
            (1, "directory", $"point restore d@latest --to {directory}"),
            (2, "unknown command", "frobnicate"),
            (2, "unknown flag", "disk list --frob"),
        ];
        foreach (var (exitCode, says, command) in bad)
        {
            await _world.RefusedAsync(exitCode, says, command.Split(' '));
        }

        Assert.Equal(before, await StateAsync());
        Assert.Equal([1, 2, 3], await File.ReadAllBytesAsync(existing));
        Assert.False(Directory.Exists(_world.PathOf("fresh")));
    }

    [Fact]
    public async Task Jobs_refuse_verbs_that_do_not_fit_their_state()
    {
        var job = (await _world.AbkAsync("job", "list")).EnumerateArray().First().GetProperty("id").GetString()!;

        await _world.RefusedAsync(1, "cannot be cancelled now", "job", "cancel", job);
        await _world.RefusedAsync(1, "cannot be paused now", "job", "pause", job);
        await _world.RefusedAsync(1, "succeeded", "job", "retry", job);
        await _world.RefusedAsync(1, "end", "job", "set-policy", job, "never");
    }

    /// <summary>A copy of the repository whose manifest was changed.</summary>
    private string RepositoryWith(string name, Action<byte[]> change)
    {
        var path = Directory.CreateDirectory(_world.PathOf(name)).FullName;
        var bytes = File.ReadAllBytes(_world.PathOf("main/repository"));
        change(bytes);
        if (name == "newer")
        {
            // Not damaged: sealed by a newer program.
            var end = bytes.Length - 32;
            System.Security.Cryptography.SHA256.HashData(bytes.AsSpan(0, end), bytes.AsSpan(end));
        }

        File.WriteAllBytes(Path.Combine(path, "repository"), bytes);
        return path;
    }

    private async Task<string> StateAsync()
    {
        var parts = new[] { "disk list", "bitmap list d", "repo list", "job list", "point list" };
        var texts = new List<string>();
        foreach (var part in parts)
        {
            texts.Add((await _world.AbkAsync(part.Split(' '))).GetRawText());
        }

        return string.Join('\n', texts);
    }
}
