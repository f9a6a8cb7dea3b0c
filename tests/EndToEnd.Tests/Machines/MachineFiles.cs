using System.Reflection;
using System.Text;
using ActorBackup.EndToEnd.Tests.Support;

namespace ActorBackup.EndToEnd.Tests.Machines;

/// <summary>What a small Linux is made of: a distribution's kernel with its virtio modules, and busybox.</summary>
/// <remarks><c>./test --install</c> puts kernel and modules below <c>out/machine</c>; nothing is installed for them.</remarks>
internal static class MachineFiles
{
    // In the order in which they need each other.
    private static readonly string[] Modules = ["virtio_ring", "virtio", "virtio_pci_modern_dev", "virtio_pci_legacy_dev", "virtio_pci", "virtio_blk"];

    private const string Busybox = "/bin/busybox";

    /// <summary>Mounts the disk and goes on with the system on it.</summary>
    private const string FirstInit = """
        #!/bin/busybox sh
        B=/bin/busybox
        $B mkdir -p /proc /dev /root
        $B mount -t proc proc /proc
        $B mount -t devtmpfs dev /dev
        for m in MODULES; do $B insmod /modules/$m.ko; done
        i=0
        while [ ! -b /dev/vda ] && [ $i -lt 300 ]; do $B sleep 0.1; i=$((i+1)); done
        $B mount -t ext4 /dev/vda /root && exec $B switch_root /root /bin/init
        echo 'machine: there is no system on the disk'
        $B poweroff -f
        """;

    /// <summary>Notes that it booted, then does what it is told over the serial line.</summary>
    private const string Init = """
        #!/bin/busybox sh
        B=/bin/busybox
        $B mount -t proc proc /proc
        $B mount -t devtmpfs dev /dev
        echo boot >> /boots
        $B sync
        echo "machine: booted $($B wc -l < /boots) times"
        while read -r line; do eval "$line"; done
        """;

    /// <summary>Why no machine can run here; null = one can.</summary>
    public static string? Missing =>
        !OperatingSystem.IsLinux() || System.Runtime.InteropServices.RuntimeInformation.ProcessArchitecture != System.Runtime.InteropServices.Architecture.X64
            ? "the machine's kernel is for x86-64"
            : !Tool.IsInstalled("qemu-system-x86_64") ? "qemu-system-x86_64 is not installed ('./test --install' installs it)"
            : !File.Exists(Busybox) ? "busybox is not installed ('./test --install' installs it)"
            : !Tool.IsInstalled("mkfs.ext4") ? "mkfs.ext4 is not installed ('./test --install' installs it)"
            : !File.Exists(Kernel) ? "there is no kernel in out/machine ('./test --install' fetches one)"
            : null;

    public static string Kernel => Path.Combine(Root, "vmlinuz");

    private static string Root { get; } =
        typeof(MachineFiles).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(a => a.Key == "MachineFiles").Value!;

    /// <summary>The archive that the kernel starts from.</summary>
    public static byte[] FirstFileSystem()
    {
        var archive = new CpioArchive();
        archive.AddDirectory("bin");
        archive.AddDirectory("modules");
        archive.AddProgram("bin/busybox", File.ReadAllBytes(Busybox));
        foreach (var module in Modules)
        {
            archive.AddProgram($"modules/{module}.ko", File.ReadAllBytes(Path.Combine(Root, $"{module}.ko")));
        }

        archive.AddProgram("init", Encoding.UTF8.GetBytes(FirstInit.Replace("MODULES", string.Join(' ', Modules), StringComparison.Ordinal) + "\n"));
        return archive.Finish();
    }

    /// <summary>A disk with a system on it.</summary>
    public static async Task MakeDiskAsync(string image, long sizeBytes, string workDirectory)
    {
        var root = Directory.CreateDirectory(Path.Combine(workDirectory, "machine-root")).FullName;
        foreach (var directory in new[] { "bin", "proc", "dev", "data" })
        {
            Directory.CreateDirectory(Path.Combine(root, directory));
        }

        File.Copy(Busybox, Path.Combine(root, "bin/busybox"));
        var init = Path.Combine(root, "bin/init");
        await File.WriteAllTextAsync(init, Init + "\n");
        await Tool.SucceedAsync("chmod", "755", init, Path.Combine(root, "bin/busybox"));
        await using (var file = File.Create(image))
        {
            file.SetLength(sizeBytes);
        }

        await Tool.SucceedAsync("mkfs.ext4", "-q", "-F", "-d", root, image);
        Directory.Delete(root, recursive: true);
    }
}
