namespace ActorBackup.Storage.Restoring;

/// <summary>What a restore writes into. All members are safe to call from several threads, which never have the same bytes.</summary>
public interface IRestoreTarget
{
    /// <summary>Finding out that a range is zero already is worth more than zeroing it again: it frees space, or keeps blocks from becoming dirty.</summary>
    bool LooksBeforeZeroing { get; }

    /// <summary>The first run at or after offset that may hold data; begins at or beyond the limit when only zeroes lie before it.</summary>
    ValueTask<(long Start, long End)> NextDataAsync(long offset, long limit, CancellationToken cancellation);

    /// <summary>Fills the buffer or fails.</summary>
    ValueTask ReadAsync(long offset, Memory<byte> buffer, CancellationToken cancellation);

    ValueTask WriteAsync(long offset, ReadOnlyMemory<byte> data, CancellationToken cancellation);

    /// <summary>The range reads as zeroes; its space is freed where possible.</summary>
    ValueTask ZeroAsync(long offset, long length, CancellationToken cancellation);

    /// <summary>Everything that was written is on stable storage.</summary>
    ValueTask FlushAsync(CancellationToken cancellation);
}
