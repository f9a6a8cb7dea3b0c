namespace ActorBackup.EndToEnd.Tests.Replay;

/// <summary>What can be seen of a bitmap on either side. Of a busy one count and bits are those that its job was started with.</summary>
/// <param name="Count">Bits set × granularity, in bytes.</param>
/// <param name="Bits">SHA-256 over the bits as <c>x-debug-block-dirty-bitmap-sha256</c> defines it, in hexadecimal.</param>
internal sealed record BitmapView(string Name, long Granularity, bool IsRecording, bool IsBusy, long Count, string Bits);
