namespace ActorBackup.EndToEnd.Tests.Support;

/// <summary>How long tests wait for what must come. Only a failing test waits that long.</summary>
internal static class Patience
{
    public static TimeSpan Limit { get; } = TimeSpan.FromSeconds(90);

    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(20);

    /// <summary>Asks until the answer is good.</summary>
    public static async Task<T> UntilAsync<T>(Func<Task<T>> ask, Func<T, bool> isGood, string what)
    {
        var deadline = DateTime.UtcNow + Limit;
        while (true)
        {
            var answer = await ask();
            if (isGood(answer))
            {
                return answer;
            }

            Assert.True(DateTime.UtcNow < deadline, $"Waited in vain for {what}; last: {answer}");
            await Task.Delay(Step);
        }
    }
}
