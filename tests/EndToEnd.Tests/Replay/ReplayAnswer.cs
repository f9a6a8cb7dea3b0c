namespace ActorBackup.EndToEnd.Tests.Replay;

/// <param name="IsAccepted">Compared.</param>
/// <param name="Text">The reason of a refusal; not compared.</param>
internal sealed record ReplayAnswer(bool IsAccepted, string Text)
{
    public override string ToString() => IsAccepted ? "accepted" : $"refused ({Text})";
}
