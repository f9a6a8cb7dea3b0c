using ActorBackup.Core.Blocks;
using ActorBackup.Nbd.Protocol;
using ActorBackup.Nbd.Tls;

namespace ActorBackup.Nbd.Client;

/// <summary>Somebody else's NBD export as a block device.</summary>
/// <remarks>
/// Requests are pipelined over one connection, up to <see cref="MaxInFlight"/> at a time; larger ones than the server takes are split.
/// Cancellation ends waiting for a turn, never a request that was sent, because the server may still use its memory. When the connection
/// is lost everything fails with <see cref="BlockDeviceError.InputOutput"/>; there is no reconnecting. TRIM does not promise zeroes, which
/// IBlockDevice does, so trimming is sent as WRITE_ZEROES that may make holes.
/// </remarks>
public sealed class NbdClient : IBlockDevice, IAsyncDisposable
{
    public const int MaxInFlight = 128;

    /// <summary>A request names its length in 32 bits; half of that is a round number.</summary>
    private const long RangeBytesMax = 1L << 31;

    private const int ZeroChunkBytes = 1 << 20;

    private static readonly TimeSpan GoodbyeTimeout = TimeSpan.FromSeconds(5);
    private static readonly ReadOnlyMemory<byte> Zeroes = new byte[ZeroChunkBytes];

    private readonly ClientConnection _connection;
    private readonly RemoteExport _export;

    private NbdClient(NbdUri uri, ClientConnection connection, RemoteExport export)
    {
        Uri = uri;
        _connection = connection;
        _export = export;
    }

    public NbdUri Uri { get; }

    public long SizeBytes => _export.SizeBytes;

    public bool IsReadOnly => _export.Has(TransmissionFlags.ReadOnly);

    public bool CanTrim => !IsReadOnly || _export.Has(TransmissionFlags.SendTrim);

    public int PreferredBlockBytes => _export.PreferredBlockBytes;

    /// <summary>Offsets and lengths are multiples of this, or the server refuses them; usually 1.</summary>
    public int MinimumBlockBytes => _export.MinimumBlockBytes;

    /// <summary>The server can be told to make writes stable. When not, <see cref="FlushAsync"/> fails.</summary>
    public bool CanFlush => _export.Has(TransmissionFlags.SendFlush);

    /// <summary>The server tells holes and zeroes from data. When not, everything is reported as data.</summary>
    public bool HasAllocation => _export.AllocationContextId is not null;

    /// <summary>A flush on one connection covers what others completed, so several may be used.</summary>
    public bool CanMultiConn => _export.Has(TransmissionFlags.CanMultiConn);

    /// <summary>The connection is gone: a request that failed may have been lost, and another connection is needed.</summary>
    public bool IsLost => _connection.IsLost;

    /// <exception cref="FormatException">The URI makes no sense.</exception>
    /// <exception cref="IOException">
    /// There is no connection; <see cref="NbdRefusedException"/> when there is a server and it refuses.
    /// </exception>
    public static Task<NbdClient> ConnectAsync(string uri, CancellationToken cancellation = default) =>
        ConnectAsync(NbdUri.Parse(uri), cancellation);

    /// <inheritdoc cref="ConnectAsync(string, CancellationToken)"/>
    public static async Task<NbdClient> ConnectAsync(NbdUri uri, CancellationToken cancellation = default)
    {
        var tls = uri.TlsDirectory is null ? ClientTls.Default : ClientTls.FromDirectory(uri.TlsDirectory);
        return await ConnectAsync(uri, uri.TlsHostName is null ? tls : tls.WithServerName(uri.TlsHostName), cancellation).ConfigureAwait(false);
    }

    /// <param name="uri">Only <c>nbds</c> URIs use TLS, and they always do.</param>
    /// <param name="tls">Whom to trust.</param>
    /// <param name="cancellation">Ends the attempt.</param>
    /// <inheritdoc cref="ConnectAsync(string, CancellationToken)"/>
    public static async Task<NbdClient> ConnectAsync(NbdUri uri, ClientTls tls, CancellationToken cancellation = default)
    {
        var (connection, export) = await ClientConnection.OpenAsync(uri, tls, MaxInFlight, cancellation).ConfigureAwait(false);
        return new NbdClient(uri, connection, export);
    }

    public ValueTask ReadAsync(long offset, Memory<byte> buffer, CancellationToken cancellation)
    {
        if (buffer.Length > _export.MaximumPayloadBytes)
        {
            return ReadInPartsAsync(offset, buffer, cancellation);
        }

        return buffer.IsEmpty ? ValueTask.CompletedTask : Send(NbdCommand.Read, CommandFlags.None, offset, buffer.Length, default, buffer, cancellation);
    }

    public ValueTask WriteAsync(long offset, ReadOnlyMemory<byte> data, bool forceUnitAccess, CancellationToken cancellation)
    {
        if (data.Length > _export.MaximumPayloadBytes || (forceUnitAccess && !_export.Has(TransmissionFlags.SendFua)))
        {
            return WriteInPartsAsync(offset, data, forceUnitAccess, cancellation);
        }

        return data.IsEmpty ? ValueTask.CompletedTask : Send(NbdCommand.Write, FuaIf(forceUnitAccess), offset, data.Length, data, default, cancellation);
    }

    public ValueTask FlushAsync(CancellationToken cancellation) =>
        CanFlush
            ? Send(NbdCommand.Flush, CommandFlags.None, 0, 0, default, default, cancellation)
            : ValueTask.FromException(new BlockDeviceException(BlockDeviceError.NotSupported, $"{Uri} does not support FLUSH."));

    /// <summary>Zeroes the range, because what a trimmed one reads as is the server's choice. A read-only export that takes trims gets a real one: nobody reads there again.</summary>
    public ValueTask TrimAsync(long offset, long length, bool forceUnitAccess, CancellationToken cancellation) =>
        IsReadOnly && CanTrim
            ? DiscardAsync(offset, length, cancellation)
            : WriteZeroesAsync(offset, length, forceUnitAccess ? ZeroOptions.ForceUnitAccess : ZeroOptions.None, cancellation);

    public async ValueTask WriteZeroesAsync(long offset, long length, ZeroOptions options, CancellationToken cancellation)
    {
        var needed = TransmissionFlags.SendWriteZeroes | ((options & ZeroOptions.Fast) != 0 ? TransmissionFlags.SendFastZero : TransmissionFlags.None);
        var isSupported = (_export.Flags & needed) == needed;
        if (!isSupported && (options & ZeroOptions.Fast) != 0)
        {
            throw new BlockDeviceException(BlockDeviceError.NotSupported, $"{Uri} does not support fast zeroes.");
        }

        var forceUnitAccess = (options & ZeroOptions.ForceUnitAccess) != 0;
        var hasFua = _export.Has(TransmissionFlags.SendFua);
        var flags = FuaIf(forceUnitAccess && hasFua)
            | (isSupported && (options & ZeroOptions.NoHole) != 0 ? CommandFlags.NoHole : CommandFlags.None)
            | ((options & ZeroOptions.Fast) != 0 ? CommandFlags.FastZero : CommandFlags.None);
        var (command, partMax) = isSupported
            ? (NbdCommand.WriteZeroes, RangeBytesMax)
            : (NbdCommand.Write, Math.Min(ZeroChunkBytes, _export.MaximumPayloadBytes));
        for (long done = 0; done < length;)
        {
            var part = Math.Min(length - done, partMax);
            var payload = isSupported ? default : Zeroes[..(int)part];
            await Send(command, flags, offset + done, part, payload, default, cancellation).ConfigureAwait(false);
            done += part;
        }

        if (forceUnitAccess && !hasFua)
        {
            await FlushAsync(cancellation).ConfigureAwait(false);
        }
    }

    public ValueTask<int> QueryAllocationAsync(long offset, long length, Memory<AllocationRun> runs, CancellationToken cancellation)
    {
        if (length == 0)
        {
            return ValueTask.FromResult(0);
        }

        if (!HasAllocation)
        {
            runs.Span[0] = new AllocationRun(length, IsHole: false, ReadsAsZero: false);
            return ValueTask.FromResult(1);
        }

        var flags = runs.Length == 1 ? CommandFlags.RequestOne : CommandFlags.None;
        var request = new RequestHeader(flags, NbdCommand.BlockStatus, 0, (ulong)offset, (uint)Math.Min(length, RangeBytesMax));
        return _connection.QueryAsync(request, runs, cancellation);
    }

    /// <summary>Says goodbye and waits for requests that are in flight, five seconds at most.</summary>
    public async ValueTask DisposeAsync()
    {
        _connection.Disconnect();
        await Task.WhenAny(_connection.Ended, Task.Delay(GoodbyeTimeout)).ConfigureAwait(false);
        _connection.Abort();
        await _connection.Ended.ConfigureAwait(false);
    }

    private static CommandFlags FuaIf(bool forceUnitAccess) => forceUnitAccess ? CommandFlags.ForceUnitAccess : CommandFlags.None;

    private async ValueTask DiscardAsync(long offset, long length, CancellationToken cancellation)
    {
        for (long done = 0; done < length;)
        {
            var part = Math.Min(length - done, RangeBytesMax);
            await Send(NbdCommand.Trim, CommandFlags.None, offset + done, part, default, default, cancellation).ConfigureAwait(false);
            done += part;
        }
    }

    private async ValueTask ReadInPartsAsync(long offset, Memory<byte> buffer, CancellationToken cancellation)
    {
        for (var done = 0; done < buffer.Length;)
        {
            var part = Math.Min(buffer.Length - done, _export.MaximumPayloadBytes);
            await ReadAsync(offset + done, buffer.Slice(done, part), cancellation).ConfigureAwait(false);
            done += part;
        }
    }

    private async ValueTask WriteInPartsAsync(long offset, ReadOnlyMemory<byte> data, bool forceUnitAccess, CancellationToken cancellation)
    {
        var hasFua = _export.Has(TransmissionFlags.SendFua);
        for (var done = 0; done < data.Length;)
        {
            var part = Math.Min(data.Length - done, _export.MaximumPayloadBytes);
            await WriteAsync(offset + done, data.Slice(done, part), forceUnitAccess && hasFua, cancellation).ConfigureAwait(false);
            done += part;
        }

        if (forceUnitAccess && !hasFua)
        {
            await FlushAsync(cancellation).ConfigureAwait(false);
        }
    }

    private ValueTask Send(
        NbdCommand command,
        CommandFlags flags,
        long offset,
        long length,
        ReadOnlyMemory<byte> payload,
        Memory<byte> target,
        CancellationToken cancellation)
    {
        var request = new RequestHeader(flags, command, 0, (ulong)offset, (uint)length);
        return _connection.SendAsync(request, payload, target, cancellation);
    }
}
