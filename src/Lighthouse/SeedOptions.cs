using System.Diagnostics.CodeAnalysis;

namespace ActorBackup.Lighthouse;

/// <summary><c>--host NAME --port N --seed HOST:PORT…</c>; without --seed it is its own seed.</summary>
public sealed record SeedOptions(string Host, int Port, IReadOnlyList<string> Seeds)
{
    public static bool TryParse(string[] arguments, [NotNullWhen(true)] out SeedOptions? options, [NotNullWhen(false)] out string? problem)
    {
        var host = "127.0.0.1";
        var port = 4053;
        var seeds = new List<string>();
        options = null;
        for (var i = 0; i < arguments.Length; i++)
        {
            var value = i + 1 < arguments.Length ? arguments[i + 1] : null;
            if (value is null)
            {
                problem = $"{arguments[i]} needs a value; usage: --host NAME --port N [--seed HOST:PORT]...";
                return false;
            }

            switch (arguments[i++])
            {
                case "--host":
                    host = value;
                    break;
                case "--port" when ushort.TryParse(value, out var number):
                    port = number;
                    break;
                case "--seed" when value.Contains(':', StringComparison.Ordinal):
                    seeds.Add(value);
                    break;
                default:
                    problem = $"'{arguments[i - 1]} {value}' is not valid; usage: --host NAME --port N [--seed HOST:PORT]...";
                    return false;
            }
        }

        problem = null;
        options = new SeedOptions(host, port, seeds.Count > 0 ? seeds : [$"{host}:{port}"]);
        return true;
    }
}
