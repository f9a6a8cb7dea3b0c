using ActorBackup.Nbd.Tests.Support;

namespace ActorBackup.Nbd.Tests.Tools;

/// <summary>Somebody else's client against our server with one export "disk" of 8 MiB.</summary>
public abstract class RealClientTest : IAsyncLifetime
{
    private protected const int SizeBytes = 8 * 1024 * 1024;

    private protected TestServer Server { get; } = new();

    private protected TempDirectory Files { get; } = new();

    private protected MemoryDevice Device { get; } = new(SizeBytes);

    public Task InitializeAsync()
    {
        Server.Add("disk", Device, "a disk");
        return Task.CompletedTask;
    }

    public async Task DisposeAsync()
    {
        await Server.DisposeAsync();
        Files.Dispose();
        Assert.Empty(Server.Unexpected);
    }

    private protected string UriOf(bool isTcp, string export = "disk") => isTcp ? Server.TcpUri(export) : Server.UnixUri(export);

    /// <summary>A file as large as the disk, with data, holes and ends that fit no block.</summary>
    private protected string WriteImage()
    {
        var random = new Random(20260101);
        var image = new byte[SizeBytes];
        random.NextBytes(image.AsSpan(0, 3 << 20));
        random.NextBytes(image.AsSpan(6 << 20, 12345));
        File.WriteAllBytes(Files.File("image"), image);
        return Files.File("image");
    }

    private protected void ExpectDiskIs(string file) => Assert.True(Device.Content.AsSpan().SequenceEqual(File.ReadAllBytes(file)));
}
