using System.Reflection;
using ActorBackup.Api;
using ActorBackup.Messages;

namespace ActorBackup.Core.Tests.Errors;

/// <summary>Codes, HTTP statuses and exit codes are a contract with scripts.</summary>
public sealed class ErrorCodesTests
{
    public static TheoryData<RefusalCode> Refusals => [.. Enum.GetValues<RefusalCode>()];

    [Theory]
    [MemberData(nameof(Refusals))]
    public void Every_refusal_has_an_error_code(RefusalCode refusal)
    {
        var code = SnakeCase(refusal.ToString());

        Assert.True(ErrorCodes.Table.ContainsKey(code), $"RefusalCode.{refusal} would be '{code}', which ErrorCodes.Table does not have.");
        Assert.InRange(ErrorCodes.HttpStatusOf(code), 400, 599);
        Assert.NotEqual(0, ErrorCodes.ExitCodeOf(code));
    }

    [Fact]
    public void Every_named_code_is_in_the_table_and_the_other_way_round() =>
        Assert.Equal(NamedCodes().Order(StringComparer.Ordinal), ErrorCodes.Table.Keys.Order(StringComparer.Ordinal));

    [Theory]
    [InlineData("duplicate", 1)]
    [InlineData("missing_file", 1)]
    [InlineData("port_in_use", 1)]
    [InlineData("newer_version", 1)]
    [InlineData("no_base", 1)]
    [InlineData("base_lost", 1)]
    [InlineData("base_elsewhere", 1)]
    [InlineData("invalid_argument", 2)]
    [InlineData("invalid_granularity", 2)]
    [InlineData("invalid_policy", 2)]
    [InlineData("invalid_size", 2)]
    [InlineData("invalid_name", 2)]
    [InlineData("damaged", 4)]
    [InlineData("timed_out", 5)]
    [InlineData("unknown_disk", 10)]
    [InlineData("unknown_bitmap", 10)]
    [InlineData("unknown_job", 10)]
    [InlineData("unknown_group", 10)]
    [InlineData("unknown_point", 10)]
    [InlineData("unknown_repository", 10)]
    [InlineData("busy", 11)]
    [InlineData("locked", 11)]
    [InlineData("in_use", 11)]
    [InlineData("pinned", 11)]
    [InlineData("unauthorized", 12)]
    [InlineData("wrong_key", 12)]
    [InlineData("unreachable", 13)]
    [InlineData("not_ready", 13)]
    [InlineData("cancelled", 14)]
    public void Exit_codes_are_as_scripts_know_them(string code, int exitCode) => Assert.Equal(exitCode, ErrorCodes.ExitCodeOf(code));

    [Fact]
    public void A_code_that_nobody_knows_is_a_plain_failure()
    {
        Assert.Equal(1, ErrorCodes.ExitCodeOf("from_the_future"));
        Assert.Equal(500, ErrorCodes.HttpStatusOf("from_the_future"));
    }

    [Fact]
    public void Exit_codes_go_with_statuses()
    {
        foreach (var (code, (status, exitCode)) in ErrorCodes.Table)
        {
            var fits = exitCode switch
            {
                ExitCodes.Usage => status == 400,
                ExitCodes.Unknown => status == 404,
                ExitCodes.Busy => status == 409,
                ExitCodes.NotAuthorised => status is 401 or 403,
                ExitCodes.Unreachable => status == 503,
                ExitCodes.TimedOut => status == 504,
                _ => status is not (400 or 401 or 403 or 404 or 503 or 504),
            };
            Assert.True(fits, $"{code}: HTTP {status} with exit code {exitCode}");
        }
    }

    [Fact]
    public void The_document_lists_every_code_as_it_is()
    {
        var rows = File.ReadLines(SourceTree.At("docs", "ERRORS.md"))
            .Where(l => l.StartsWith("| `", StringComparison.Ordinal))
            .Select(l => l.Split('|', StringSplitOptions.TrimEntries))
            .ToDictionary(c => c[1].Trim('`'), c => (int.Parse(c[2]), int.Parse(c[3]), Meaning: c[4], Advice: c[5]));

        Assert.Equal(ErrorCodes.Table.Keys.Order(StringComparer.Ordinal), rows.Keys.Order(StringComparer.Ordinal));
        foreach (var (code, (status, exitCode)) in ErrorCodes.Table)
        {
            Assert.Equal((code, status, exitCode), (code, rows[code].Item1, rows[code].Item2));
            Assert.NotEmpty(rows[code].Meaning);
            Assert.NotEmpty(rows[code].Advice);
        }
    }

    internal static string SnakeCase(string name) =>
        string.Concat(name.Select((c, i) => char.IsUpper(c) ? (i == 0 ? "" : "_") + char.ToLowerInvariant(c) : c.ToString()));

    private static IEnumerable<string> NamedCodes() =>
        typeof(ErrorCodes).GetFields(BindingFlags.Public | BindingFlags.Static)
            .Where(f => f.IsLiteral)
            .Select(f => (string)f.GetRawConstantValue()!);
}
