using System.Text;

namespace ActorBackup.Cli.Output;

/// <summary>Passes lines on without the spaces that a table pads them with.</summary>
public sealed class TrimmedLines(TextWriter output) : TextWriter
{
    private readonly StringBuilder _line = new();

    public override Encoding Encoding => output.Encoding;

    public override void Write(char value)
    {
        if (value == '\n')
        {
            output.WriteLine(_line.ToString().TrimEnd());
            _line.Clear();
        }
        else
        {
            _line.Append(value);
        }
    }

    public override void Flush() => output.Flush();
}
