namespace ActorBackup.Nbd.Server;

/// <summary>The clients of one listener that have not chosen an export yet.</summary>
/// <remarks>
/// Their number is bounded, and so is how long each stays (its connection sees to that). When all places are taken, the client goes that has
/// been here for longest: connections that do nothing keep nobody out. But nobody goes before its grace is over, or a flood would throw
/// out those who are just about to choose; meanwhile whoever comes waits in the kernel's queue, and so does the flood.
/// </remarks>
internal sealed class Lobby(int placesMax, TimeSpan grace, TimeProvider clock)
{
    private readonly Lock _gate = new();

    // In the order of their coming. A client that was told to go keeps its place until nothing is left of it.
    private readonly LinkedList<(Connection Client, long CameAt)> _inside = [];
    private TaskCompletionSource _left = NewSignal();

    /// <summary>Waits for a place. For the one loop that accepts.</summary>
    /// <exception cref="OperationCanceledException">The server stops.</exception>
    public async Task EnterAsync(Connection client, CancellationToken cancellation)
    {
        while (true)
        {
            Task left;
            lock (_gate)
            {
                if (_inside.Count < placesMax)
                {
                    _inside.AddLast((client, clock.GetTimestamp()));
                    return;
                }

                left = _left.Task;
            }

            var wait = SendOldestAway();
            using var waited = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            await Task.WhenAny(left, Task.Delay(wait, clock, waited.Token)).ConfigureAwait(false);
            await waited.CancelAsync().ConfigureAwait(false);
            cancellation.ThrowIfCancellationRequested();
        }
    }

    /// <summary>It has chosen, or is gone. Safe to call again.</summary>
    public void Leave(Connection client)
    {
        TaskCompletionSource left;
        lock (_gate)
        {
            for (var place = _inside.First; place is not null; place = place.Next)
            {
                if (place.Value.Client == client)
                {
                    _inside.Remove(place);
                    break;
                }
            }

            left = _left;
            _left = NewSignal();
        }

        left.SetResult();
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <returns>How long it is worth waiting for a place before looking again.</returns>
    private TimeSpan SendOldestAway()
    {
        Connection oldest;
        lock (_gate)
        {
            var place = _inside.First;
            while (place is not null && place.Value.Client.IsClosing)
            {
                place = place.Next;
            }

            if (place is null)
            {
                return grace;
            }

            var age = clock.GetElapsedTime(place.Value.CameAt);
            if (age < grace)
            {
                return grace - age;
            }

            oldest = place.Value.Client;
        }

        oldest.Abort();
        return grace;
    }
}
