using ActorBackup.Nbd.Protocol;
using ActorBackup.Nbd.Server;
using ActorBackup.Nbd.Tests.Support;

namespace ActorBackup.Nbd.Tests.Server;

/// <summary>Clients that sit on memory which others wait for.</summary>
public sealed class StallTests : ServerTest
{
    private const int BudgetBytes = 1 << 20;

    [Fact]
    public void Who_stops_within_a_payload_is_cut_when_somebody_waits_for_the_memory()
    {
        using var stuck = Simple();
        stuck.Send(RawClient.RequestBytes(NbdCommand.Write, 0, BudgetBytes, payload: new byte[BudgetBytes])[..70_000]);
        using var good = Simple();
        ExpectLargeReadServed(good);
        stuck.ExpectEnd();
    }

    [Fact]
    public void Who_does_not_take_its_replies_is_cut_when_somebody_waits_for_the_memory()
    {
        Device.Before = static async _ => await Task.Yield();
        using var deaf = Simple();
        deaf.Send([.. Enumerable.Range(0, 8).SelectMany(_ => RawClient.RequestBytes(NbdCommand.Read, 0, BudgetBytes / 2))]);
        using var good = Simple();
        ExpectLargeReadServed(good);
        ExpectLargeReadServed(good);
    }

    private void ExpectLargeReadServed(RawClient client)
    {
        client.Request(NbdCommand.Read, 0, BudgetBytes);
        Assert.Equal(NbdErrno.None, client.ReceiveSimple().Error);
        Assert.True(client.Receive(BudgetBytes).AsSpan().SequenceEqual(Device.Content));
    }

    private protected override NbdServerOptions ConfigureServer(NbdServerOptions options) =>
        options with { MaxTotalInFlightBytes = BudgetBytes, StallPatience = TimeSpan.FromMilliseconds(50) };
}
