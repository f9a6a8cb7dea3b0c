using System.CommandLine;
using ActorBackup.Api;
using ActorBackup.Cli.Connection;
using ActorBackup.Cli.Output;

namespace ActorBackup.Cli.Commands;

/// <summary><c>abk disk …</c></summary>
public static class DiskCommands
{
    public static Command Create(CliHost host) => new("disk", "Disks that are protected, each exported over NBD under its id")
    {
        Add(host), List(host), Show(host), Stop(host), Start(host), Export(host), Unexport(host), Set(host), Resize(host), Remove(host),
    };

    private static Verb Add(CliHost host)
    {
        var id = new Argument<string>("ID") { Description = "Name of the disk and of its export: a-z, 0-9, '.', '_', '-'" };
        var file = new Option<string?>("--file") { Description = "Raw image file or block device, opened on the node", HelpName = "PATH" };
        var nbd = new Option<string?>("--nbd") { Description = "Another NBD server's export, as nbd://, nbds:// or nbd+unix:// URI", HelpName = "URI" };
        var granularity = new Option<string?>("--granularity") { Description = "Block of tracking and copying, a power of two from 4K to 4M. Default: 64K", HelpName = "SIZE" };
        var journal = new Option<string?>("--journal") { Description = "Directory of the tracking file. Default: beside the image file, else the node's data directory", HelpName = "DIR" };
        var exclusive = new Option<bool>("--exclusive") { Description = "Nobody else writes to the block device or NBD export; they keep no modification time that would tell, so this is needed" };
        var assumeDurable = new Option<bool>("--assume-durable") { Description = "Accept a backing that cannot flush" };
        var readOnly = new Option<bool>("--read-only") { Description = "Export the disk read-only" };
        var hostLabel = new Option<string?>("--host") { Description = "Label of the node that has the backing; another than the node that is asked is refused", HelpName = "LABEL" };
        return new Verb(host, "add", "Protect a disk: track its writes and export it over NBD at once")
            {
                id, file, nbd, granularity, journal, exclusive, assumeDurable, readOnly, hostLabel,
            }
            .Example("abk disk add db --file /var/lib/vm/db.raw", "abk disk add web --file /dev/vg0/web --exclusive --granularity 128K")
            .Does(async call =>
            {
                var request = new AddDiskRequest(Arguments.NewName(call.Get(id)))
                {
                    File = call.FullPath(file),
                    Nbd = call.Get(nbd),
                    Granularity = Arguments.DiskGranularity(call.Size(granularity, ErrorCodes.InvalidGranularity)),
                    Journal = call.FullPath(journal),
                    Exclusive = call.Get(exclusive),
                    AssumeDurable = call.Get(assumeDurable),
                    ReadOnly = call.Get(readOnly),
                    Host = call.Get(hostLabel),
                };
                if ((request.File is null) == (request.Nbd is null))
                {
                    throw new CliException(ErrorCodes.InvalidArgument, "name the disk's backing with either --file PATH or --nbd URI");
                }

                var disk = await call.Node.PostAsync(
                    Routes.Disks, request, ApiJson.Default.AddDiskRequest, ApiJson.Default.DiskResource, call.Cancellation);
                call.Results.Write(disk, ApiJson.Default.DiskResource, table => DiskTable.Card(table, disk));
            });
    }

    private static Verb List(CliHost host) =>
        new Verb(host, "list", "All disks")
            .Example("abk disk list", "abk disk list -o json | jq -r '.[].id'")
            .Does(async call =>
            {
                var disks = await call.Node.GetAsync(Routes.Disks, ApiJson.Default.DiskResourceArray, call.Cancellation);
                call.Results.Write(disks, ApiJson.Default.DiskResourceArray, table => DiskTable.Rows(table, disks));
            });

    private static Verb Show(CliHost host)
    {
        var id = Arguments.Disk();
        return new Verb(host, "show", "One disk, with the lines that attach its export to QEMU and libvirt") { id }
            .Example("abk disk show db")
            .Does(async call =>
            {
                var disk = await call.Node.GetAsync(ApiPath.Disk(call.Get(id)), ApiJson.Default.DiskResource, call.Cancellation);
                call.Results.Write(disk, ApiJson.Default.DiskResource, table =>
                {
                    DiskTable.Card(table, disk);
                    AttachLines.Write(table, disk);
                });
            });
    }

    private static Verb Stop(CliHost host) =>
        Simple(host, "stop", "Release the disk's backing and end its export; clients pause if they reconnect", "abk disk stop db");

    private static Verb Start(CliHost host) =>
        Simple(host, "start", "Take the disk's backing again and export it", "abk disk start db");

    private static Verb Export(CliHost host)
    {
        var id = Arguments.Disk();
        var bitmaps = new Option<string[]>("--bitmap")
        {
            Description = "Bitmap that clients can read as qemu:dirty-bitmap:B; busy while it is exported. May be given several times; those not named are not exported any more",
            HelpName = "B",
        };
        return new Verb(host, "export", "Export the disk over NBD, with these bitmaps for clients that back it up") { id, bitmaps }
            .Example("abk disk export db --bitmap daily", "abk disk export db")
            .Does(async call =>
            {
                var disk = await call.Node.PostAsync(
                    ApiPath.Disk(call.Get(id), "export"),
                    new ExportDiskRequest(call.Get(bitmaps) ?? []),
                    ApiJson.Default.ExportDiskRequest,
                    ApiJson.Default.DiskResource,
                    call.Cancellation);
                call.Results.Write(disk, ApiJson.Default.DiskResource, table => DiskTable.Card(table, disk));
            });
    }

    private static Verb Unexport(CliHost host) =>
        Simple(host, "unexport", "End the disk's export; it stays online and tracked. Refused while a client is connected", "abk disk unexport db");

    private static Verb Simple(CliHost host, string verb, string description, string example)
    {
        var id = Arguments.Disk();
        return new Verb(host, verb, description) { id }
            .Example(example)
            .Does(async call =>
            {
                var disk = await call.Node.PostAsync(ApiPath.Disk(call.Get(id), verb), ApiJson.Default.DiskResource, call.Cancellation);
                call.Results.Write(disk, ApiJson.Default.DiskResource, table => DiskTable.Card(table, disk));
            });
    }

    private static Verb Set(CliHost host)
    {
        var id = Arguments.Disk();
        var file = new Option<string?>("--file") { Description = "Where the image or device is now; it has the disk's size", HelpName = "PATH" };
        var nbd = new Option<string?>("--nbd") { Description = "Where the NBD export is now", HelpName = "URI" };
        var journal = new Option<string?>("--journal") { Description = "Directory to move the tracking file to", HelpName = "DIR" };
        return new Verb(host, "set", "Tell where a stopped disk's backing is now, or move its tracking file") { id, file, nbd, journal }
            .Example("abk disk set db --file /new/db.raw --journal /new")
            .Does(async call =>
            {
                var request = new SetDiskRequest { File = call.FullPath(file), Nbd = call.Get(nbd), Journal = call.FullPath(journal) };
                var disk = await call.Node.PostAsync(
                    ApiPath.Disk(call.Get(id), "set"), request, ApiJson.Default.SetDiskRequest, ApiJson.Default.DiskResource, call.Cancellation);
                call.Results.Write(disk, ApiJson.Default.DiskResource, table => DiskTable.Card(table, disk));
            });
    }

    private static Verb Resize(CliHost host)
    {
        var id = Arguments.Disk();
        var size = new Argument<string>("SIZE") { Description = "New size of disk and image; a device must have it already" };
        return new Verb(host, "resize", "Give a disk another size; what is new is dirty, and the next backup is a full one. Shrinking cuts off what is beyond. Refused while a job runs or a client is connected")
            {
                id, size,
            }
            .Example("abk disk resize db 20G")
            .Does(async call =>
            {
                var request = new ResizeDiskRequest(Call.ParseSize("SIZE", call.Get(size)));
                var disk = await call.Node.PostAsync(
                    ApiPath.Disk(call.Get(id), "resize"), request, ApiJson.Default.ResizeDiskRequest, ApiJson.Default.DiskResource, call.Cancellation);
                call.Results.Write(disk, ApiJson.Default.DiskResource, table => DiskTable.Card(table, disk));
            });
    }

    private static Verb Remove(CliHost host)
    {
        var id = Arguments.Disk();
        var deletePoints = new Option<bool>("--delete-points") { Description = "Delete its recovery points too. Default: they stay and can be restored" };
        return new Verb(host, "remove", "Stop protecting a disk; its backing is left alone. Refused while a job runs or a client is connected")
            {
                id, deletePoints,
            }
            .Example("abk disk remove db", "abk disk remove scratch --delete-points")
            .Does(async call =>
            {
                var path = ApiPath.Query(ApiPath.Disk(call.Get(id)), ("deletePoints", call.Get(deletePoints) ? "true" : null));
                await call.Node.DeleteAsync(path, call.Cancellation);
                Removed.Print(call, $"disk {call.Get(id)} removed", call.Get(id));
            });
    }
}
