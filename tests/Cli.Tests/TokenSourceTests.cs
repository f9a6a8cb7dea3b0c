using ActorBackup.Api;
using ActorBackup.Cli.Connection;

namespace ActorBackup.Cli.Tests;

public sealed class TokenSourceTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("abk-token-").FullName;
    private readonly Dictionary<string, string> _variables = [];
    private string _home = "";

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void The_flag_comes_first()
    {
        Write("given", "flag");
        _variables["ACTORBACKUP_TOKEN"] = "variable";
        Assert.Equal("flag", Find("given"));
    }

    [Fact]
    public void Then_the_environment()
    {
        Write("file", "from file");
        _variables["ACTORBACKUP_TOKEN_FILE"] = Path.Combine(_directory, "file");
        Assert.Equal("from file", Find());
        _variables["ACTORBACKUP_TOKEN"] = "variable";
        Assert.Equal("variable", Find());
    }

    [Theory]
    [InlineData("")]
    [InlineData("two\nlines")]
    [InlineData("schlüssel")]
    [InlineData("\u0001")]
    public void What_no_header_can_carry_is_no_token(string text)
    {
        Write("given", text);
        var refused = Assert.Throws<CliException>(() => Find("given"));
        Assert.Equal(ErrorCodes.Unauthorized, refused.Code);
        Assert.Contains("there is no token in", refused.Message);

        Write("abk-data/token", text);
        Assert.Null(Find());
    }

    [Fact]
    public void Then_the_local_node_by_its_port_before_the_working_directory()
    {
        Write("abk-data/token", "here");
        Assert.Equal("here", Find());
        Write("elsewhere/token", "by port");
        Write("home/.local/state/actorbackup/nodes/8440.json", $$"""{"data":"{{_directory}}/elsewhere"}""");
        _home = Path.Combine(_directory, "home");
        Assert.Equal("by port", Find());
        Assert.Equal("here", Find(endpoint: "http://127.0.0.1:9999"));
        Write("named/token", "by variable");
        _variables["ACTORBACKUP_DATA"] = Path.Combine(_directory, "named");
        Assert.Equal("by variable", Find());
    }

    [Fact]
    public void A_state_directory_of_its_own_comes_before_the_one_at_home()
    {
        Write("elsewhere/token", "at home");
        Write("home/.local/state/actorbackup/nodes/8440.json", $$"""{"data":"{{_directory}}/elsewhere"}""");
        _home = Path.Combine(_directory, "home");
        Write("named/token", "by state");
        Write("state/actorbackup/nodes/8440.json", $$"""{"data":"{{_directory}}/named"}""");
        Assert.Equal("at home", Find());
        _variables["XDG_STATE_HOME"] = Path.Combine(_directory, "state");
        Assert.Equal("by state", Find());
    }

    [Theory]
    [InlineData("not json")]
    [InlineData("[]")]
    [InlineData("""{"data":"/nowhere"}""")]
    public void A_pointer_that_leads_nowhere_is_passed_over(string pointer)
    {
        Write("abk-data/token", "here");
        Write("home/.local/state/actorbackup/nodes/8440.json", pointer);
        _home = Path.Combine(_directory, "home");
        Assert.Equal("here", Find());
    }

    [Fact]
    public void A_local_token_is_not_sent_to_another_machine()
    {
        Write("abk-data/token", "here");
        Assert.Null(Find(endpoint: "http://node2:8440"));
    }

    [Fact]
    public void A_token_file_that_cannot_be_read_is_told()
    {
        var e = Assert.Throws<CliException>(() => Find("missing"));
        Assert.Equal(ExitCodes.NotAuthorised, e.ExitCode);
    }

    private string? Find(string? flag = null, string endpoint = "http://127.0.0.1:8440") =>
        new TokenSource(new Uri(endpoint), new CliHost
        {
            Out = TextWriter.Null,
            Error = TextWriter.Null,
            WorkingDirectory = _directory,
            HomeDirectory = _home,
            Variable = name => _variables.GetValueOrDefault(name),
        }).Find(flag);

    private void Write(string path, string content)
    {
        var full = Path.Combine(_directory, path);
        Directory.CreateDirectory(Path.GetDirectoryName(full)!);
        File.WriteAllText(full, content + "\n");
    }
}
