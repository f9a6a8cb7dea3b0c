using ActorBackup.EndToEnd.Tests.Support;
using ActorBackup.Nbd.Client;

namespace ActorBackup.EndToEnd.Tests;

/// <summary>Points served over NBD.</summary>
public class PointExportTests
{
    [Fact]
    public async Task Many_clients_read_two_exported_points_at_once()
    {
        await using var world = await World.StartAsync();
        var disk = await world.AddDiskAsync("d", p => Image.Random(p, (24 * Image.MiB) + 512, seed: 61));
        await world.CreateRepositoryAsync();
        await world.AbkAsync("backup", "d", "--wait");
        var before = world.PathOf("before.raw");
        File.Copy(disk, before);
        var first = (await world.AbkAsync("point", "export", "d@latest", "--name", "first")).GetProperty("nbdUri").GetString()!;
        await using (var guest = await Guest.ConnectAsync(world.Node, "d"))
        {
            await guest.FillAsync([1, 50, 51, 200], 0x66);
            await guest.TrimAsync(10 * Image.MiB, 2 * Image.MiB);
        }

        await world.AbkAsync("backup", "d", "--wait");
        var second = (await world.AbkAsync("point", "export", "d@latest", "--name", "second")).GetProperty("nbdUri").GetString()!;

        var readers = Enumerable.Range(0, 12).Select(i => Task.Run(() => CompareAsync(i % 2 == 0 ? first : second, i % 2 == 0 ? before : disk, i)));

        Assert.All(await Task.WhenAll(readers), Assert.Null);
        await world.AbkAsync("point", "unexport", "first");
        await world.AbkAsync("point", "unexport", "second");
    }

    /// <summary>Reads all of it in sequence, in requests of a size of its own, and some of it at random. Returns where it differs first.</summary>
    private static async Task<long?> CompareAsync(string uri, string expected, int seed)
    {
        var image = await File.ReadAllBytesAsync(expected);
        await using var client = await NbdClient.ConnectAsync(uri);
        Assert.Equal((image.Length, true), (client.SizeBytes, client.IsReadOnly));
        var random = new Random(seed);
        var buffer = new byte[(random.Next(1, 40) * 4096) + 512];
        for (var offset = 0; offset < image.Length; offset += buffer.Length)
        {
            var part = buffer.AsMemory(0, Math.Min(buffer.Length, image.Length - offset));
            await client.ReadAsync(offset, part, CancellationToken.None);
            if (!part.Span.SequenceEqual(image.AsSpan(offset, part.Length)))
            {
                return offset;
            }

            var elsewhere = random.Next(image.Length - 4096);
            await client.ReadAsync(elsewhere, buffer.AsMemory(0, 512), CancellationToken.None);
            if (!buffer.AsSpan(0, 512).SequenceEqual(image.AsSpan(elsewhere, 512)))
            {
                return elsewhere;
            }
        }

        return null;
    }
}
