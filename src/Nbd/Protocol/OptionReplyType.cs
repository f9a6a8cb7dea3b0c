namespace ActorBackup.Nbd.Protocol;

/// <summary>What an option reply says; values from <see cref="ErrorBit"/> on are errors.</summary>
public enum OptionReplyType : uint
{
    None = 0,
    Ack = 1,
    Server = 2,
    Info = 3,
    MetaContext = 4,
    ErrorBit = 1u << 31,
    ErrorUnsupported = ErrorBit + 1,
    ErrorPolicy = ErrorBit + 2,
    ErrorInvalid = ErrorBit + 3,
    ErrorPlatform = ErrorBit + 4,
    ErrorTlsRequired = ErrorBit + 5,
    ErrorUnknown = ErrorBit + 6,
    ErrorShutdown = ErrorBit + 7,
    ErrorBlockSizeRequired = ErrorBit + 8,
    ErrorTooBig = ErrorBit + 9,
}
