using System.CommandLine;

namespace ActorBackup.Cli;

/// <summary>A command that does something, with the examples that its help shows.</summary>
#pragma warning disable CA1010 // The base class enumerates only for the sake of collection initializers.
public sealed class Verb : Command
#pragma warning restore CA1010
{
    private readonly CliHost _host;

    public Verb(CliHost host, string name, string description)
        : base(name, description) => _host = host;

    /// <summary>Whole command lines, each of which works.</summary>
    public IReadOnlyList<string> Examples { get; private set; } = [];

    public Verb Example(params string[] examples)
    {
        Examples = examples;
        return this;
    }

    /// <param name="action">Returns the exit code.</param>
    public Verb Does(Func<Call, Task<int>> action)
    {
        SetAction(async (parsed, cancellation) =>
        {
            using var call = new Call(parsed, _host, cancellation);
            return await action(call);
        });
        return this;
    }

    /// <param name="action">Ends with exit code 0 unless it throws.</param>
    public Verb Does(Func<Call, Task> action) =>
        Does(async call =>
        {
            await action(call);
            return 0;
        });
}
