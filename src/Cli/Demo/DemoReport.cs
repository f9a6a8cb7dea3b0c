namespace ActorBackup.Cli.Demo;

/// <summary>What the demo shows: steps, the commands a person would type, figures and checks.</summary>
public sealed class DemoReport(TextWriter output)
{
    /// <summary>Checks that held so far.</summary>
    public int Held { get; private set; }

    public void Title(string text) => output.WriteLine($"\n== {text}");

    public void Say(string text) => output.WriteLine($"   {text}");

    public void Command(string line) => output.WriteLine($"   $ {line}");

    /// <exception cref="DemoException">It does not hold; what follows would prove nothing.</exception>
    public void Check(bool holds, string claim)
    {
        if (!holds)
        {
            throw new DemoException($"this should hold and does not: {claim}");
        }

        Held++;
        output.WriteLine($"   ok      {claim}");
    }

    public void Failed(string why) => output.WriteLine($"   FAILED  {why}");
}
