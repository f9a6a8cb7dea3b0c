namespace ActorBackup.Cli.Demo;

/// <summary>A repository whose storage is really gone: its directory is moved away and a file lies in its place.</summary>
/// <remarks>The file keeps anybody, root too, from making the directory anew. Disposal brings the storage back.</remarks>
public sealed class BrokenRepository : IDisposable
{
    private readonly string _path;

    public BrokenRepository(string path)
    {
        _path = path;
        Directory.Move(path, Away);
        File.WriteAllText(path, "the storage is gone\n");
    }

    private string Away => _path + ".away";

    public void Dispose()
    {
        File.Delete(_path);
        Directory.Move(Away, _path);
    }
}
