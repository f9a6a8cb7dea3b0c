using System.Buffers;
using ActorBackup.Core.Blocks;
using ActorBackup.Files;
using ActorBackup.Nbd.Client;

namespace ActorBackup.Volumes.Backings;

/// <summary>Somebody else's NBD export. It keeps no modification time, and nobody can be locked out of it.</summary>
public sealed class NbdBacking : IBacking
{
    /// <summary>Beyond this the writer flushes before it goes on: what a lost connection may cost to send again.</summary>
    private const long UnflushedBytesMax = 32 * 1024 * 1024;

    private const int LargestGoodBlockBytes = 4096;
    private const int RunsPerQuery = 64;
    private const long QueryBytesMax = 1L << 31;

    private readonly NbdLink _link;
    private readonly SemaphoreSlim _flushing = new(1);
    private FileLayerException? _flushFailure;

    private NbdBacking(NbdUri uri, NbdLink link)
    {
        Path = uri.ToString();
        _link = link;
        SizeBytes = link.Description.SizeBytes;
    }

    public string Path { get; }

    public long SizeBytes { get; }

    public bool IsRemote => true;

    public DateTimeOffset? ModifiedAt => null;

    /// <exception cref="VolumeException">There is no such server or export, or it cannot do what a disk needs.</exception>
    public static async Task<NbdBacking> OpenAsync(NbdUri uri, bool readOnly, bool assumeDurable, TimeProvider time)
    {
        NbdLink link;
        try
        {
            link = await NbdLink.OpenAsync(uri, time).ConfigureAwait(false);
        }
        catch (IOException e)
        {
            throw new VolumeException(
                e is NbdRefusedException ? VolumeError.Missing : VolumeError.InputOutput,
                $"The backing {uri} cannot be opened: {e.Message}. Check the URI and that the server runs, then try again.",
                e);
        }

        if (Refuse(uri, link.Description, readOnly, assumeDurable) is { } refusal)
        {
            await link.DisposeAsync().ConfigureAwait(false);
            throw refusal;
        }

        return new NbdBacking(uri, link);
    }

    public void Read(long offset, Span<byte> buffer)
    {
        var bytes = ArrayPool<byte>.Shared.Rent(buffer.Length);
        try
        {
            Wait(ReadAsync(offset, bytes.AsMemory(0, buffer.Length)));
            bytes.AsSpan(0, buffer.Length).CopyTo(buffer);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(bytes);
        }
    }

    public void Write(long offset, ReadOnlySpan<byte> data) => Wait(WriteAsync(offset, data.ToArray()));

    public void Sync() => Wait(new ValueTask(FlushAsync(unlessBelow: -1)));

    public void Punch(long offset, long length) => Wait(PunchAsync(offset, length));

    public void Zero(long offset, long length) => Wait(ZeroAsync(offset, length));

    public (long Start, long End) NextData(long offset, long limit) => NextDataAsync(offset, limit).AsTask().GetAwaiter().GetResult();

    public async ValueTask ReadAsync(long offset, Memory<byte> buffer) =>
        await RunAsync(c => c.ReadAsync(offset, buffer, CancellationToken.None), "read").ConfigureAwait(false);

    public ValueTask WriteAsync(long offset, ReadOnlyMemory<byte> data) => ChangeAsync(RemoteChangeKind.Write, offset, data.Length, data);

    public ValueTask PunchAsync(long offset, long length) => ChangeAsync(RemoteChangeKind.Punch, offset, length, default);

    public ValueTask ZeroAsync(long offset, long length) => ChangeAsync(RemoteChangeKind.Zero, offset, length, default);

    public void Dispose() => _link.DisposeAsync().AsTask().GetAwaiter().GetResult();

    private static VolumeException? Refuse(NbdUri uri, NbdClient server, bool readOnly, bool assumeDurable)
    {
        if (server.SizeBytes <= 0 || server.SizeBytes % Granularity.SectorBytes != 0)
        {
            return new VolumeException(
                VolumeError.BadSize,
                $"The backing {uri} has {server.SizeBytes} bytes, and a disk is a positive multiple of {Granularity.SectorBytes} bytes. Check that it is the right export.");
        }

        if (server.MinimumBlockBytes > LargestGoodBlockBytes)
        {
            return new VolumeException(
                VolumeError.Invalid, $"The backing {uri} takes requests of at least {server.MinimumBlockBytes} bytes, and a disk needs {LargestGoodBlockBytes} or less.");
        }

        if (server.IsReadOnly && !readOnly)
        {
            return new VolumeException(VolumeError.PermissionDenied, $"The backing {uri} is read-only. Add the disk with --read-only, or export it writable.");
        }

        return !server.CanFlush && !readOnly && !assumeDurable
            ? new VolumeException(
                VolumeError.Invalid,
                $"The backing {uri} cannot flush, so nothing that is written there is known to be durable. If its server writes everything through, say so with --assume-durable.")
            : null;
    }

    private static void Wait(ValueTask task) => task.AsTask().GetAwaiter().GetResult();

    private async ValueTask ChangeAsync(RemoteChangeKind kind, long offset, long length, ReadOnlyMemory<byte> data)
    {
        if (_link.Unflushed is not { } unflushed)
        {
            var durable = new RemoteChange(kind, offset, length, data.ToArray());
            await RunAsync(c => NbdLink.SendAsync(c, durable), "write").ConfigureAwait(false);
            return;
        }

        if (unflushed.Bytes > UnflushedBytesMax)
        {
            await FlushAsync(UnflushedBytesMax).ConfigureAwait(false);
        }

        var change = unflushed.Add(kind, offset, length, data);
        try
        {
            await RunAsync(c => NbdLink.SendAsync(c, change), "write").ConfigureAwait(false);
            unflushed.NoteAnswer(change);
        }
        catch (FileLayerException)
        {
            // The guest hears that it failed, so it is not owed to anybody.
            unflushed.Remove([change]);
            throw;
        }
    }

    /// <summary>One at a time, and not when fewer bytes than this are left by then.</summary>
    private async Task FlushAsync(long unlessBelow)
    {
        if (_link.Unflushed is not { } unflushed)
        {
            return;
        }

        await _flushing.WaitAsync().ConfigureAwait(false);
        try
        {
            if (unflushed.Bytes <= unlessBelow)
            {
                return;
            }

            if (_flushFailure is { } failure)
            {
                throw new FileLayerException(failure.Error, failure.Message, failure);
            }

            var covered = unflushed.Answered();
            await RunAsync(c => c.FlushAsync(CancellationToken.None), "flush").ConfigureAwait(false);
            unflushed.Remove(covered);
        }
        catch (FileLayerException e) when (!NbdLink.IsAway(e.InnerException))
        {
            // The server has said that something is lost, and may not say so again (rule 3). One that is away will get everything again.
            _flushFailure ??= e;
            throw;
        }
        finally
        {
            _flushing.Release();
        }
    }

    private async ValueTask<(long Start, long End)> NextDataAsync(long offset, long limit)
    {
        var runs = new AllocationRun[RunsPerQuery];
        var start = -1L;
        for (var position = offset; position < limit;)
        {
            var length = Math.Min(QueryBytesMax, limit - position);
            var count = await RunAsync(c => c.QueryAllocationAsync(position, length, runs, CancellationToken.None), "query").ConfigureAwait(false);
            foreach (var run in runs.AsSpan(0, count))
            {
                if (!run.ReadsAsZero && start < 0)
                {
                    start = position;
                }
                else if (run.ReadsAsZero && start >= 0)
                {
                    return (start, position);
                }

                position = Math.Min(SizeBytes, position + run.Length);
            }

            if (start >= 0)
            {
                return (start, position);
            }
        }

        return (limit, limit);
    }

    private async ValueTask RunAsync(Func<NbdClient, ValueTask> request, string operation) =>
        await RunAsync(
            async c =>
            {
                await request(c).ConfigureAwait(false);
                return true;
            },
            operation).ConfigureAwait(false);

    private async ValueTask<T> RunAsync<T>(Func<NbdClient, ValueTask<T>> request, string operation)
    {
        try
        {
            return await _link.RunAsync(request).ConfigureAwait(false);
        }
        catch (BlockDeviceException e)
        {
            throw new FileLayerException(
                e.Error switch
                {
                    BlockDeviceError.NoSpace => FileError.NoSpace,
                    BlockDeviceError.NotPermitted => FileError.ReadOnly,
                    BlockDeviceError.NotSupported => FileError.NotSupported,
                    _ => FileError.InputOutput,
                },
                $"{operation} {Path}: {e.Message}",
                e);
        }
    }
}
