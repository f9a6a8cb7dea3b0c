using System.Collections.Concurrent;
using ActorBackup.Actors.Persistence;
using ActorBackup.Core.Identity;
using ActorBackup.Files;
using ActorBackup.Messages;
using ActorBackup.Messages.Disks;
using ActorBackup.Nbd.Server;
using ActorBackup.Volumes;
using ActorBackup.Volumes.Backings;
using ActorBackup.Volumes.Tracking;
using DiskDefinition = ActorBackup.Messages.Disks.DiskDefinition;
using StoredDefinition = ActorBackup.Volumes.Tracking.DiskDefinition;

namespace ActorBackup.Actors.Disks;

/// <summary>The disks whose backing is on this node: opens their tracking files, serves them, closes them. Needs no actor and no cluster.</summary>
/// <remarks>
/// Order at an opening (rule 4): the tracking file's new generation is durable, then the register has it, then guests may write.
/// A row of the register comes before the disk is in the journal and goes after it left it; the disk's actor tidies what a crash leaves between.
/// </remarks>
public sealed class LocalDisks(
    IFileLayer files, IScheduler scheduler, TimeProvider time, TrackingRegister register, ExportRegister exportRegister, IDiskExports exports, TrackingPlace place, string host, string scratchDirectory)
{
    private readonly ConcurrentDictionary<DiskId, LocalDisk> _disks = new();
    private readonly ConcurrentDictionary<DiskId, DiskExport> _wanted = new();

    /// <summary>Raised on any thread when a disk can keep no promise any more and its bitmaps became inconsistent.</summary>
    public event Action<DiskId>? Faulted;

    public string Host { get; } = host;

    /// <summary>Where copy-before-write spills to.</summary>
    public string ScratchDirectory { get; } = scratchDirectory;

    public IDiskExports Exports => exports;

    public DiskLoans Loans { get; } = new(exports);

    /// <summary>Of points of all repositories, also of disks that are not here.</summary>
    public PointPins Pins { get; } = new();

    public IReadOnlyCollection<DiskId> Ids => [.. _disks.Keys];

    /// <summary>Null when the disk is not of this node, or is stopped.</summary>
    public LocalDisk? Find(DiskId disk) => _disks.GetValueOrDefault(disk);

    /// <summary>The disk that has this file as its backing or tracking file; null when none has.</summary>
    public DiskId? UserOf(string path)
    {
        var full = Backing.IsNbd(path) ? path : Path.GetFullPath(path);
        foreach (var (id, local) in _disks)
        {
            if (local.Definition is { } d && (d.Backing == full || d.TrackingPath == full))
            {
                return id;
            }
        }

        return null;
    }

    /// <summary>Null when it is not served.</summary>
    public ExportView? ExportOf(DiskId disk) => exports.Find(disk.Value);

    /// <summary>Opens and serves every disk of the register that is not stopped. One that fails is kept with the reason and does not hinder the others.</summary>
    public async Task OpenAllAsync()
    {
        var rows = register.ReadAll();
        foreach (var (disk, export) in exportRegister.ReadAll())
        {
            _wanted[disk] = export;
        }

        var opened = await Task.WhenAll(rows.Where(r => !r.IsStopped).Select(r => Task.Run(() => TryOpenAsync(r)))).ConfigureAwait(false);
        register.Record([.. opened.Where(o => o.Local.Disk is not null).Select(o => RowOf(o.Disk, o.Path, o.Local.Disk!))]);
        foreach (var (disk, _, local) in opened)
        {
            _disks[disk] = local;
            Serve(disk, local);
        }

        // A stopped disk's actor is woken too: it may have a job to conclude once it is started.
        foreach (var row in rows.Where(r => r.IsStopped))
        {
            _disks.TryAdd(row.Disk, new LocalDisk(null, null, null));
        }
    }

    /// <summary>Makes the disk's tracking file and opens it. Guests do not see it before <see cref="ServeAsync"/>.</summary>
    /// <exception cref="VolumeException">The backing or the tracking file's place is not usable.</exception>
    /// <exception cref="RefusedException">Says why not.</exception>
    public async Task<DiskDefinition> CreateAsync(DiskCommand.AddDisk order)
    {
        var id = order.Disk;
        var location = Backing.IsNbd(order.Backing) ? order.Backing : Path.GetFullPath(order.Backing);
        if (UserOf(location) is { } other)
        {
            throw new RefusedException(new Refusal(RefusalCode.InUse, $"{location} belongs to disk '{other}' already; one file cannot be two disks"));
        }

        var trackingPath = place.PathFor(id, location, order.JournalDirectory);

        // Before anything that lies beside it: another node's or QEMU's file is "in use", whatever is there.
        StoredDefinition stored;
        using (var backing = await Backing.OpenAsync(files, location, order.IsReadOnly, order.AssumeDurable, time).ConfigureAwait(false))
        {
            CheckExclusive(order, backing);
            stored = new StoredDefinition(id, location, backing.SizeBytes, (int)order.BlockBytes, order.IsReadOnly, order.AssumeDurable, order.IsExclusive);
        }

        RemoveOrphan(id, trackingPath);
        TrackedDisk.Create(files, trackingPath, stored);
        TrackedDisk? disk = null;
        try
        {
            disk = await OpenAsync(id, trackingPath, expected: null).ConfigureAwait(false);
            register.Record([RowOf(id, trackingPath, disk)]);
            var local = new LocalDisk(DefinitionOf(stored, trackingPath), disk, null);
            _disks[id] = local;

            // Who exports a point under this name looks for the disk after that; one of the two sees the other.
            if (exports.Find(id.Value) is not null)
            {
                _disks.TryRemove(id, out _);
                register.Remove(id);
                throw new RefusedException(NameOfExport(id));
            }

            return local.Definition!;
        }
        catch
        {
            if (disk is not null)
            {
                await disk.CloseAsync().ConfigureAwait(false);
            }

            files.Delete(trackingPath);
            throw;
        }
    }

    public static Refusal NameOfExport(DiskId id) =>
        new(RefusalCode.Duplicate, $"there is already an export '{id}' of a point; choose another id, or unexport it first");

    /// <summary>Lets guests in.</summary>
    public Task<bool> ServeAsync(DiskId id)
    {
        Serve(id, _disks[id]);
        return Task.FromResult(true);
    }

    /// <summary>Exports the disk like this, or not at all, until the node stops; <see cref="FollowAsync"/> makes it last.</summary>
    /// <exception cref="RefusedException">A connected client is in the way; nothing has changed.</exception>
    public Task<bool> TryExportAsync(DiskId id, DiskExport export)
    {
        var local = _disks[id];
        if (!export.IsServed)
        {
            return exports.TryRemoveIdle(id.Value)
                ? Task.FromResult(true)
                : throw new RefusedException(new Refusal(RefusalCode.InUse, $"disk '{id}' cannot be unexported while clients are connected; disconnect them first"));
        }

        if (exports.Find(id.Value) is null)
        {
            Serve(id, local, export);
        }
        else if (!exports.TryOffer(id.Value, ContextsOf(local.Disk!, export)))
        {
            throw new RefusedException(new Refusal(
                RefusalCode.InUse, $"a client of disk '{id}' reads a bitmap that would not be exported any more; disconnect it first, or name that bitmap too"));
        }

        return Task.FromResult(true);
    }

    /// <summary>Exports the disk like this from now on, also after a start, whoever is connected. D says so already.</summary>
    public async Task<bool> FollowAsync(DiskId id, DiskExport export)
    {
        if (!_wanted.GetValueOrDefault(id, DiskExport.Plain).IsSameAs(export))
        {
            exportRegister.Record(id, export);
            _wanted[id] = export;
        }

        if (Find(id) is not { Disk: { } disk } local)
        {
            return true;
        }

        if (!export.IsServed)
        {
            await exports.RemoveAsync(id.Value).ConfigureAwait(false);
        }
        else if (exports.Find(id.Value) is null)
        {
            Serve(id, local, export);
        }
        else
        {
            exports.Offer(id.Value, ContextsOf(disk, export));
        }

        return true;
    }

    /// <summary>Forgets the disk and deletes its tracking file; the backing stays as it is.</summary>
    public async Task<bool> RemoveAsync(DiskId id)
    {
        var row = register.Find(id);
        await CloseAsync(id).ConfigureAwait(false);
        _disks.TryRemove(id, out _);
        if (_wanted.ContainsKey(id))
        {
            exportRegister.Record(id, DiskExport.Plain);
            _wanted.TryRemove(id, out _);
        }

        if (row is not null)
        {
            files.Delete(row.TrackingPath);
            register.Remove(id);
        }

        return true;
    }

    /// <summary>Releases the backing, so that another program may use it.</summary>
    public async Task<bool> StopAsync(DiskId id)
    {
        await CloseAsync(id).ConfigureAwait(false);
        _disks[id] = new LocalDisk(_disks.GetValueOrDefault(id)?.Definition, null, null);
        if (register.Find(id) is { } row)
        {
            register.Record([row with { IsStopped = true }]);
        }

        return true;
    }

    /// <summary>Takes the backing again and serves it. Nothing happens to a disk that is open.</summary>
    /// <exception cref="RefusedException">The disk is not of this node, or cannot be opened.</exception>
    public async Task<bool> StartAsync(DiskId id)
    {
        if (_disks.GetValueOrDefault(id)?.Disk is not null)
        {
            return true;
        }

        var row = register.Find(id)
            ?? throw new RefusedException(new Refusal(RefusalCode.WrongState, $"disk '{id}' is not of this node"));
        var (_, path, local) = await TryOpenAsync(row).ConfigureAwait(false);
        if (local.Disk is null)
        {
            _disks[id] = local;
            throw new RefusedException(local.Refusal!);
        }

        try
        {
            register.Record([RowOf(id, path, local.Disk)]);
        }
        catch
        {
            // Guests cannot write yet, so nothing is lost; the next start must find the file free.
            await local.Disk.CloseAsync().ConfigureAwait(false);
            throw;
        }

        _disks[id] = local;
        Serve(id, local);
        return true;
    }

    /// <summary>Takes note that the backing is elsewhere, and moves the tracking file. The disk is not open.</summary>
    /// <exception cref="VolumeException">One of the places is not usable.</exception>
    /// <exception cref="RefusedException">Says why not.</exception>
    public async Task<DiskDefinition> SetAsync(DiskCommand.SetDisk order)
    {
        var id = order.Disk;
        var row = register.Find(id) ?? throw new RefusedException(new Refusal(RefusalCode.WrongState, $"disk '{id}' is not of this node"));
        var stored = TrackedDisk.ReadDefinition(files, row.TrackingPath);
        var location = order.Backing is not { } named ? stored.BackingPath : Backing.IsNbd(named) ? named : Path.GetFullPath(named);
        if (location != stored.BackingPath)
        {
            await CheckMovedAsync(stored, location).ConfigureAwait(false);
            TrackedDisk.SetBacking(files, row.TrackingPath, location);
        }

        if (order.JournalDirectory is not null && place.PathFor(id, location, order.JournalDirectory) is var target && target != row.TrackingPath)
        {
            // Whichever the register names is whole.
            TrackedDisk.CopyTracking(files, row.TrackingPath, target);
            register.Record([row with { TrackingPath = target }]);
            files.Delete(row.TrackingPath);
            row = row with { TrackingPath = target };
        }

        var definition = DefinitionOf(TrackedDisk.ReadDefinition(files, row.TrackingPath), row.TrackingPath);
        _disks[id] = new LocalDisk(definition, null, _disks.GetValueOrDefault(id)?.Refusal);
        return definition;
    }

    /// <summary>Gives the disk another size and serves it again, with whatever size it has then.</summary>
    /// <exception cref="VolumeException">It could not be done.</exception>
    /// <exception cref="RefusedException">The disk is not open, or cannot be opened again.</exception>
    public async Task<bool> ResizeAsync(DiskId id, long sizeBytes)
    {
        if (Find(id) is not { Disk: { } disk } local)
        {
            throw new RefusedException(Find(id)?.Refusal ?? LocalDisk.Missing(id).Refusal!);
        }

        await exports.RemoveAsync(id.Value).ConfigureAwait(false);
        try
        {
            await disk.ResizeAsync(sizeBytes).ConfigureAwait(false);
            return true;
        }
        finally
        {
            if (disk.IsClosed)
            {
                _disks[id] = local with { Disk = null };
                await StartAsync(id).ConfigureAwait(false);
            }
            else
            {
                Serve(id, local);
            }
        }
    }

    /// <summary>Ends a loan. The disk has its guests again, unless it was closed meanwhile.</summary>
    public Task ReturnAsync(DiskId id, JobId job) => Loans.EndAsync(id, job, () => Serve(id, _disks[id]));

    /// <summary>Every disk gets its last checkpoint and a clean mark.</summary>
    public Task CloseAllAsync() => Task.WhenAll(_disks.Keys.Select(id => Task.Run(() => CloseAsync(id))));

    private static TrackingRegister.Row RowOf(DiskId id, string path, TrackedDisk disk) => new(id, path, disk.FileId.ToString(), disk.Generation, false, disk.Stamp, disk.Stamp);

    private async Task CloseAsync(DiskId id)
    {
        await exports.RemoveAsync(id.Value).ConfigureAwait(false);
        if (_disks.GetValueOrDefault(id)?.Disk is { } disk)
        {
            await disk.CloseAsync().ConfigureAwait(false);
        }
    }

    private async Task<(DiskId Disk, string Path, LocalDisk Local)> TryOpenAsync(TrackingRegister.Row row)
    {
        DiskDefinition? definition = null;
        try
        {
            definition = DefinitionOf(TrackedDisk.ReadDefinition(files, row.TrackingPath), row.TrackingPath);
            var disk = await OpenAsync(row.Disk, row.TrackingPath, ExpectationOf(row)).ConfigureAwait(false);
            return (row.Disk, row.TrackingPath, new LocalDisk(definition, disk, null));
        }
        catch (Exception e)
        {
            return (row.Disk, row.TrackingPath, new LocalDisk(definition, null, Failures.Explain(e)));
        }
    }

    private static TrackingExpectation ExpectationOf(TrackingRegister.Row row) =>
        new(TrackingFileId.Parse(row.FileId), row.Generation, row.Stamp, row.NextStamp);

    private async Task<TrackedDisk> OpenAsync(DiskId id, string trackingPath, TrackingExpectation? expected)
    {
        var disk = await TrackedDisk.OpenAsync(files, scheduler, time, trackingPath, expected, new RegisterWitness(register, id), ScratchDirectory).ConfigureAwait(false);
        disk.Faulted += () => Faulted?.Invoke(id);
        DeleteScratch(id, disk);
        return disk;
    }

    /// <summary>What a crash left of copy-before-write; no job of the disk runs now, but some may go on.</summary>
    private void DeleteScratch(DiskId id, TrackedDisk disk)
    {
        try
        {
            Volumes.Snapshots.ScratchDirectory.DeleteLeftovers(files, ScratchDirectory, id, [.. disk.Suspended.Select(s => s.Job)]);
        }
        catch (FileLayerException)
        {
            // It only takes room; the next opening tries again.
        }
    }

    private void Serve(DiskId id, LocalDisk local) => Serve(id, local, _wanted.GetValueOrDefault(id, DiskExport.Plain));

    private void Serve(DiskId id, LocalDisk local, DiskExport export)
    {
        if (local is { Disk: { } disk, Definition: { } definition })
        {
            disk.AllowWrites();
            if (export.IsServed && Loans.Of(id) is not DiskLoan.ForRestore)
            {
                exports.Add(id.Value, $"disk {id}, {definition.Backing}", disk, ContextsOf(disk, export));
            }
        }
    }

    /// <summary>Bitmaps that are gone or inconsistent are left out; the disk's actor learns of it by itself.</summary>
    private static IReadOnlyList<IMetaContext> ContextsOf(TrackedDisk disk, DiskExport export) =>
        [.. export.Bitmaps.Select(b => disk.ContextOf(b.SetId, b.Name)).OfType<IMetaContext>()];

    private DiskDefinition DefinitionOf(StoredDefinition stored, string trackingPath) =>
        new(stored.Id, stored.BackingPath, stored.SizeBytes, stored.BlockBytes, trackingPath, stored.IsReadOnly, Host)
        {
            IsExclusive = stored.IsExclusive,
            AssumeDurable = stored.AssumeDurable,
        };

    private async Task CheckMovedAsync(StoredDefinition stored, string location)
    {
        if (UserOf(location) is { } other && other != stored.Id)
        {
            throw new RefusedException(new Refusal(RefusalCode.InUse, $"{location} belongs to disk '{other}' already; one file cannot be two disks"));
        }

        using var backing = await Backing.OpenAsync(files, location, stored.IsReadOnly, stored.AssumeDurable, time).ConfigureAwait(false);
        if (backing.SizeBytes != stored.SizeBytes)
        {
            throw new RefusedException(new Refusal(
                RefusalCode.InvalidSize, $"{location} has {backing.SizeBytes} bytes, and disk '{stored.Id}' has {stored.SizeBytes}; name the file that was moved"));
        }

        if (backing.ModifiedAt is null && !stored.IsExclusive)
        {
            throw new RefusedException(new Refusal(
                RefusalCode.InvalidArgument, $"{location} keeps no modification time, and disk '{stored.Id}' was not added with --exclusive; remove it and add it with that"));
        }
    }

    /// <summary>Where nothing tells that somebody else wrote, the operator has to say that nobody does (rule 5).</summary>
    private static void CheckExclusive(DiskCommand.AddDisk order, IBacking backing)
    {
        if (backing.ModifiedAt is null && !order.IsExclusive)
        {
            throw new RefusedException(new Refusal(
                RefusalCode.InvalidArgument,
                $"{backing.Path} keeps no modification time, so nobody could tell whether somebody else wrote to it while no node served it; if nobody does, say so with --exclusive"));
        }
    }

    /// <summary>A tracking file that nobody registered: left by a creation that a crash cut short, or somebody else's. Only the first may go.</summary>
    private void RemoveOrphan(DiskId id, string trackingPath)
    {
        if (files.KindOf(trackingPath) == FileKind.Missing)
        {
            return;
        }

        if (!TrackedDisk.IsUnused(files, trackingPath, id))
        {
            throw new RefusedException(new Refusal(
                RefusalCode.Exists,
                $"{trackingPath} exists: the file is, or was, a disk of another node. If it is not in use any more, delete that tracking file and add the disk again; its bitmaps are lost then"));
        }

        files.Delete(trackingPath);
    }
}
