namespace ActorBackup.EndToEnd.Tests.Support;

/// <summary>A pack of blocks that nobody gets to the end of reading: a pipe has its name. A job that needs it is in its middle for as long as a test wants.</summary>
internal sealed class StuckPack
{
    private const long FullBytes = 15 * 1024 * 1024;

    private readonly string _pack;
    private readonly string _real;
    private readonly string _pipe;

    private StuckPack(string pack, string aside)
    {
        (_pack, _real, _pipe) = (pack, aside + ".pack", aside + ".pipe");
    }

    /// <summary>The last full one: of a backup with one worker, which copies in ascending order, the blocks before it can be read.</summary>
    public static async Task<StuckPack> InAsync(World world, string repository)
    {
        var packs = new DirectoryInfo(Path.Combine(world.PathOf(repository), "packs/data")).GetFiles("*", SearchOption.AllDirectories);
        Assert.True(packs.Length > 1);
        return await OfAsync(packs.Where(p => p.Length > FullBytes).MaxBy(p => p.LastWriteTimeUtc)!, world);
    }

    /// <summary>The one with the trees' nodes: who reads a point whose nodes are not in memory comes no further.</summary>
    public static Task<StuckPack> OfTreesInAsync(World world, string repository) =>
        OfAsync(Assert.Single(new DirectoryInfo(Path.Combine(world.PathOf(repository), "packs/tree")).GetFiles("*", SearchOption.AllDirectories)), world);

    private static async Task<StuckPack> OfAsync(FileInfo pack, World world)
    {
        var stuck = new StuckPack(pack.FullName, world.PathOf("aside"));
        File.Move(stuck._pack, stuck._real);
        await Tool.SucceedAsync("mkfifo", stuck._pack);
        return stuck;
    }

    /// <summary>The pack is back. Who waits in the pipe finds its end.</summary>
    public void Release()
    {
        File.Move(_pack, _pipe);
        File.Move(_real, _pack);
        new FileStream(_pipe, FileMode.Open, FileAccess.ReadWrite).Dispose();
    }
}
