using System.Collections.Immutable;
using ActorBackup.Messages;

namespace ActorBackup.Domain;

/// <summary>What a decider made of a command: events to persist, or a refusal that changes nothing.</summary>
public sealed record Decision<TEvent>(ImmutableArray<TEvent> Events, Refusal? Refusal)
{
    public static Decision<TEvent> Accept(params ReadOnlySpan<TEvent> events) => new([.. events], null);

    public static Decision<TEvent> Refuse(RefusalCode code, string message) => new([], new Refusal(code, message));
}
