using System.Buffers.Binary;
using ActorBackup.Nbd.Protocol;
using ActorBackup.Nbd.Server;
using ActorBackup.Nbd.Tests.Support;

namespace ActorBackup.Nbd.Tests.Fuzz;

/// <summary>A valid session of a client, then damaged: whole messages dropped, doubled, swapped; numbers, bits and bytes changed; cut or longer.</summary>
internal static class MutatedSession
{
    private static readonly uint[] InterestingNumbers =
    [
        0, 1, 2, 15, 16, 17, 4096, 4097, 65535, 65536, 65537, NbdLimits.PayloadBytes, NbdLimits.PayloadBytes + 1, int.MaxValue, 1u << 31, uint.MaxValue,
    ];

    /// <summary>What the client says behind the greeting.</summary>
    public static byte[] Make(Random random, string export, int sizeBytes)
    {
        var messages = Valid(random, export, sizeBytes);
        for (var count = random.Next(4); count > 0; count--)
        {
            Rearrange(random, messages);
        }

        var session = messages.SelectMany(m => m).ToArray();
        for (var count = random.Next(6); count > 0 && session.Length > 4; count--)
        {
            session = Damage(random, session);
        }

        return session;
    }

    private static List<byte[]> Valid(Random random, string export, int sizeBytes)
    {
        List<byte[]> messages = [Hex.Bytes("00000003")];
        var options = random.Next(6);
        for (var i = 0; i < options; i++)
        {
            messages.Add(Option(random, export));
        }

        messages.Add(RawClient.OptionBytes(random.Next(4) == 0 ? NbdOption.Info : NbdOption.Go, RawClient.Info(export, InfoType.BlockSize)));
        var requests = random.Next(20);
        for (var i = 0; i < requests; i++)
        {
            messages.Add(Request(random, sizeBytes, (ulong)i));
        }

        return messages;
    }

    private static byte[] Option(Random random, string export) =>
        random.Next(7) switch
        {
            0 => RawClient.OptionBytes(NbdOption.List, []),
            1 => RawClient.OptionBytes(NbdOption.StartTls, []),
            2 => RawClient.OptionBytes(NbdOption.ListMetaContext, RawClient.MetaContext(export, "base:")),
            3 => RawClient.OptionBytes(NbdOption.SetMetaContext, RawClient.MetaContext(export, AllocationContext.ContextName)),
            4 => RawClient.OptionBytes(NbdOption.Info, RawClient.Info(export, InfoType.Name, InfoType.Description)),
            _ => RawClient.OptionBytes(NbdOption.StructuredReply, []),
        };

    private static byte[] Request(Random random, int sizeBytes, ulong cookie)
    {
        var command = (NbdCommand)random.Next(8);
        var length = random.Next(1, random.Next(5) == 0 ? sizeBytes : 9000);
        var offset = (ulong)random.Next(sizeBytes - length + 1);
        var payload = command == NbdCommand.Write ? new byte[length] : null;
        return RawClient.RequestBytes(command, offset, (uint)length, cookie, (CommandFlags)(1 << random.Next(6)) & (CommandFlags)0x1f, payload);
    }

    private static void Rearrange(Random random, List<byte[]> messages)
    {
        var i = random.Next(messages.Count);
        var j = random.Next(messages.Count);
        switch (random.Next(3))
        {
            case 0 when messages.Count > 1:
                messages.RemoveAt(i);
                break;
            case 1:
                messages.Insert(j, messages[i]);
                break;
            default:
                (messages[i], messages[j]) = (messages[j], messages[i]);
                break;
        }
    }

    private static byte[] Damage(Random random, byte[] session)
    {
        var at = random.Next(session.Length - 3);
        switch (random.Next(6))
        {
            case 0:
                session[at] ^= (byte)(1 << random.Next(8));
                return session;
            case 1:
                BinaryPrimitives.WriteUInt32BigEndian(session.AsSpan(at), InterestingNumbers[random.Next(InterestingNumbers.Length)]);
                return session;
            case 2:
                random.NextBytes(session.AsSpan(at, Math.Min(session.Length - at, random.Next(1, 40))));
                return session;
            case 3:
                return session[..at];
            case 4:
                var inserted = new byte[random.Next(1, 40)];
                random.NextBytes(inserted);
                return [.. session[..at], .. inserted, .. session[at..]];
            default:
                return [.. session[..at], .. session[Math.Min(session.Length, at + random.Next(1, 40))..]];
        }
    }
}
