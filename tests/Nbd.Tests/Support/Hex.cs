namespace ActorBackup.Nbd.Tests.Support;

/// <summary>Bytes written as a person compares them with the protocol's document.</summary>
internal static class Hex
{
    /// <param name="text">Hexadecimal digits; spaces part the fields.</param>
    public static byte[] Bytes(string text) => Convert.FromHexString(text.Replace(" ", "", StringComparison.Ordinal));
}
