using ActorBackup.Core.Blocks;
using ActorBackup.Nbd.Protocol;
using ActorBackup.Nbd.Tests.Support;

namespace ActorBackup.Nbd.Tests.Server;

public sealed class DeviceFailureTests : ServerTest
{
    [Theory]
    [InlineData(BlockDeviceError.InputOutput, NbdErrno.InputOutput)]
    [InlineData(BlockDeviceError.NoSpace, NbdErrno.NoSpace)]
    [InlineData(BlockDeviceError.NotPermitted, NbdErrno.NotPermitted)]
    [InlineData(BlockDeviceError.InvalidArgument, NbdErrno.InvalidArgument)]
    [InlineData(BlockDeviceError.NotSupported, NbdErrno.NotSupported)]
    [InlineData(BlockDeviceError.ShuttingDown, NbdErrno.Shutdown)]
    [InlineData((BlockDeviceError)77, NbdErrno.InputOutput)]
    public async Task Every_failure_of_the_device_has_its_number_whenever_it_comes(BlockDeviceError error, NbdErrno expected)
    {
        var failure = new BlockDeviceException(error, "It broke.");
        using var simple = Simple();
        using var structured = Structured();
        foreach (var (command, length) in ((NbdCommand, uint)[])[(NbdCommand.Read, 512), (NbdCommand.Read, 512 << 10), (NbdCommand.Write, 512), (NbdCommand.Write, 512 << 10), (NbdCommand.Flush, 0), (NbdCommand.Trim, 512), (NbdCommand.WriteZeroes, 512)])
        {
            byte[]? payload = command == NbdCommand.Write ? new byte[length] : null;
            foreach (var before in (Func<string, ValueTask>[])[_ => throw failure, _ => ValueTask.FromException(failure), _ => FailLaterAsync(failure)])
            {
                Device.Before = before;
                Assert.Equal(expected, simple.ErrorOf(command, 0, length, payload: payload));
                Assert.Equal((expected, "It broke."), structured.FailureOf(command, 0, length, payload: payload));
            }
        }

        Device.Before = null;
        ExpectServed(simple);
        ExpectServed(structured, isStructured: true);
        Assert.Equal(NbdErrno.None, await Task.Run(() => simple.ErrorOf(NbdCommand.Flush, 0, 0)).InTime());
    }

    [Fact]
    public void A_defect_of_the_device_is_an_input_output_error_and_is_reported()
    {
        foreach (var before in (Func<string, ValueTask>[])[_ => throw new InvalidOperationException("bug"), _ => FailLaterAsync(new InvalidOperationException("bug"))])
        {
            Device.Before = before;
            using var client = Simple();
            Assert.Equal(NbdErrno.InputOutput, client.ErrorOf(NbdCommand.Read, 0, 512));
            Assert.Equal(NbdErrno.InputOutput, client.ErrorOf(NbdCommand.Flush, 0, 0));
            Device.Before = null;
            ExpectServed(client);
        }

        Assert.All(TakeUnexpected(4), e => Assert.Equal("bug", e.Message));
    }

    [Fact]
    public void A_device_that_gives_up_waiting_is_shutting_down()
    {
        Device.Before = _ => throw new OperationCanceledException();
        using var client = Simple();
        Assert.Equal(NbdErrno.Shutdown, client.ErrorOf(NbdCommand.Write, 0, 1, payload: [1]));
    }

    [Fact]
    public void Data_of_a_read_that_failed_is_not_sent()
    {
        Device.Before = _ => throw new BlockDeviceException(BlockDeviceError.InputOutput, "");
        using var client = Structured();
        Assert.Equal((NbdErrno.InputOutput, ""), client.FailureOf(NbdCommand.Read, 0, 65536));
        Device.Before = null;
        ExpectServed(client, isStructured: true);
    }

    private static async ValueTask FailLaterAsync(Exception failure)
    {
        await Task.Yield();
        throw failure;
    }

    private List<Exception> TakeUnexpected(int count)
    {
        List<Exception> taken = [];
        while (Server.Unexpected.TryDequeue(out var e))
        {
            taken.Add(e);
        }

        Assert.Equal(count, taken.Count);
        return taken;
    }
}
