using System.Globalization;
using System.Security;
using System.Text.Encodings.Web;
using System.Text.Json;
using ActorBackup.Api;
using ActorBackup.Cli.Values;

namespace ActorBackup.Cli.Output;

/// <summary>The lines that attach a disk's export to QEMU and to libvirt, so that the guest outlives a restart of the node.</summary>
public static class AttachLines
{
    private const int ReconnectSeconds = 60;
    private const string CredentialsId = "tls0";

    public static void Write(TableWriter table, DiskResource disk)
    {
        Write(table, NbdAddress.Parse(disk.NbdUri), "", disk.ReadOnly);
        Write(table, NbdAddress.Parse(disk.NbdTcpUri), " over TCP", disk.ReadOnly);
    }

    private static void Write(TableWriter table, NbdAddress? address, string how, bool readOnly)
    {
        if (address is null)
        {
            return;
        }

        how += address.IsSecure ? " with TLS" : "";
        table.Line();
        table.Line($"QEMU{how}:");
        table.Line($"  {Credentials(address)}-blockdev {ShellQuoted(Blockdev(address, readOnly))} -device virtio-blk-pci,drive=disk0");
        table.Line();
        table.Line($"libvirt{how}:");
        foreach (var line in Libvirt(address, readOnly))
        {
            table.Line("  " + line);
        }
    }

    /// <summary>Where QEMU finds ca-cert.pem, and client-cert.pem and client-key.pem where they are wanted. Libvirt looks there unless configured otherwise.</summary>
    public static string Credentials(NbdAddress address) =>
        address.IsSecure ? $"-object tls-creds-x509,id={CredentialsId},endpoint=client,dir=/etc/pki/qemu,verify-peer=on " : "";

    /// <summary>Without reconnect-delay a guest sees I/O errors as soon as the node restarts.</summary>
    public static string Blockdev(NbdAddress address, bool readOnly)
    {
        var server = address.Socket is { } socket
            ? $$"""{"type":"unix","path":{{Json(socket)}}}"""
            : $$"""{"type":"inet","host":{{Json(address.Host!)}},"port":"{{address.Port.ToString(CultureInfo.InvariantCulture)}}"}""";
        return $$"""{"driver":"nbd","node-name":"disk0","export":{{Json(address.Export)}},"server":{{server}}{{(address.IsSecure ? $",\"tls-creds\":\"{CredentialsId}\"" : "")}},"reconnect-delay":{{ReconnectSeconds}}{{(readOnly ? ",\"read-only\":true" : "")}}}""";
    }

    public static IEnumerable<string> Libvirt(NbdAddress address, bool readOnly)
    {
        yield return "<disk type='network' device='disk'>";
        yield return "  <driver name='qemu' type='raw'/>";
        yield return $"  <source protocol='nbd' name='{SecurityElement.Escape(address.Export)}'{(address.IsSecure ? " tls='yes'" : "")}>";
        yield return address.Socket is { } socket
            ? $"    <host transport='unix' socket='{SecurityElement.Escape(socket)}'/>"
            : $"    <host name='{SecurityElement.Escape(address.Host)}' port='{address.Port}'/>";
        yield return $"    <reconnect delay='{ReconnectSeconds}'/>";
        yield return "  </source>";
        yield return "  <target dev='vda' bus='virtio'/>";
        if (readOnly)
        {
            yield return "  <readonly/>";
        }

        yield return "</disk>";
    }

    private static string Json(string text) => $"\"{JsonEncodedText.Encode(text, JavaScriptEncoder.UnsafeRelaxedJsonEscaping)}\"";

    private static string ShellQuoted(string text) => $"'{text.Replace("'", "'\\''", StringComparison.Ordinal)}'";
}
