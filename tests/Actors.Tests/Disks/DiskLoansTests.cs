using ActorBackup.Actors.Disks;
using ActorBackup.Core.Blocks;
using ActorBackup.Core.Identity;
using ActorBackup.Files;
using ActorBackup.Nbd.Server;
using ActorBackup.Volumes;

namespace ActorBackup.Actors.Tests.Disks;

public sealed class DiskLoansTests : IAsyncLifetime, IDiskExports
{
    private const int BlockBytes = 65536;

    private static readonly DiskId Id = new("d");
    private static readonly JobId Job = new(SortableId.Create(DateTimeOffset.UnixEpoch, new byte[10]));

    private readonly string _directory = Directory.CreateTempSubdirectory("abk-loans-").FullName;
    private readonly List<string> _calls = [];
    private readonly DiskLoans _loans;
    private TrackedDisk _disk = null!;

    public DiskLoansTests() => _loans = new DiskLoans(this);

    public async Task InitializeAsync()
    {
        var (image, tracking) = (Path.Combine(_directory, "d.raw"), Path.Combine(_directory, "d.track"));
        await File.WriteAllBytesAsync(image, new byte[100 * BlockBytes]);
        TrackedDisk.Create(LinuxFileLayer.Instance, tracking, Id, image, BlockBytes, isReadOnly: false);
        _disk = await TrackedDisk.OpenAsync(LinuxFileLayer.Instance, IoThreads.Instance, TimeProvider.System, tracking, null);
        _disk.AllowWrites();
    }

    public async Task DisposeAsync()
    {
        await _disk.CloseAsync();
        Directory.Delete(_directory, recursive: true);
    }

    [Fact]
    public async Task A_disk_that_is_restored_has_no_export_until_the_loan_ends()
    {
        Assert.Null(_loans.Of(Id));
        await _loans.LendForRestoreAsync(Id, Job, _disk);

        Assert.IsType<DiskLoan.ForRestore>(_loans.Of(Id));
        Assert.Equal(["remove d"], _calls);

        await EndAsync();
        await EndAsync();
        Assert.Null(_loans.Of(Id));
        Assert.Equal(["remove d", "serve"], _calls);
    }

    [Fact]
    public async Task A_disk_that_was_closed_meanwhile_is_not_served_again()
    {
        await _loans.LendForRestoreAsync(Id, Job, _disk);
        await _disk.CloseAsync();

        await EndAsync();

        Assert.Null(_loans.Of(Id));
        Assert.DoesNotContain("serve", _calls);
    }

    /// <summary>What one bitmap calls clean must be equal, whatever another says; and a job's successor belongs to its bitmap.</summary>
    [Fact]
    public async Task Dirty_is_what_no_bitmap_calls_clean_and_what_is_written_later()
    {
        foreach (var set in new ulong[] { 1, 2, 3 })
        {
            await _disk.AddBitmapAsync(set, set == 3 ? 2 * BlockBytes : BlockBytes, recording: false, transient: false);
        }

        await _disk.MarkAsync(1, [new Extent(10 * BlockBytes, 3 * BlockBytes)]);
        await _disk.MarkAsync(2, [new Extent(12 * BlockBytes, 1), new Extent(40 * BlockBytes, 1)]);
        await _disk.MarkAsync(3, [new Extent(10 * BlockBytes, 1), new Extent(50 * BlockBytes, 1)]);
        await _disk.WriteAsync(70 * BlockBytes, new byte[1], false, CancellationToken.None);

        await _loans.LendForComparisonAsync(Id, Job, _disk, [[1], [2, 3]]);
        await _disk.WriteAsync(80 * BlockBytes, new byte[1], false, CancellationToken.None);
        await _disk.ClearAsync(1);

        var loan = Assert.IsType<DiskLoan.ForComparison>(_loans.Find(Id, Job));
        Assert.Equal([10L, 11L, 12L, 80L], Enumerable.Range(0, 100).Select(b => (long)b).Where(loan.IsDirty));
        Assert.Empty(_calls);
        await EndAsync();
        Assert.Null(_loans.Of(Id));
        await _disk.WriteAsync(90 * BlockBytes, new byte[1], false, CancellationToken.None);
        Assert.False(loan.IsDirty(90));
    }

    void IDiskExports.Add(string name, string description, IBlockDevice device, IReadOnlyList<IMetaContext> contexts) => _calls.Add($"add {name}");

    bool IDiskExports.TryOffer(string name, IReadOnlyList<IMetaContext> contexts) => throw new NotSupportedException();

    void IDiskExports.Offer(string name, IReadOnlyList<IMetaContext> contexts) => throw new NotSupportedException();

    bool IDiskExports.TryRemoveIdle(string name) => throw new NotSupportedException();

    Task IDiskExports.RemoveAsync(string name)
    {
        _calls.Add($"remove {name}");
        return Task.CompletedTask;
    }

    ExportView? IDiskExports.Find(string name) => null;

    private Task EndAsync() => _loans.EndAsync(Id, Job, () => _calls.Add("serve"));
}
