using ActorBackup.Messages;

namespace ActorBackup.Actors;

/// <summary>Carries a refusal out of asynchronous work to the actor that started it.</summary>
public sealed class RefusedException(Refusal refusal, Exception? cause = null) : Exception(refusal.Message, cause)
{
    public Refusal Refusal { get; } = refusal;
}
