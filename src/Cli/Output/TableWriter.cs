using Spectre.Console;

namespace ActorBackup.Cli.Output;

/// <summary>Results for people: columns, and cards of one object's fields.</summary>
public sealed class TableWriter(TextWriter output, int width)
{
    public void Line(string text = "") => output.WriteLine(text);

    /// <param name="nothing">What to say when there are no rows.</param>
    /// <param name="headers">One per column; a leading '>' aligns the column to the right.</param>
    /// <param name="rows">Cells as text.</param>
    public void Rows(string nothing, IReadOnlyList<string> headers, IEnumerable<IReadOnlyList<string>> rows)
    {
        var table = Plain();
        foreach (var header in headers)
        {
            var column = new TableColumn(new Text(header.TrimStart('>'))) { Padding = new Padding(0, 0, 2, 0), NoWrap = true };
            table.AddColumn(header.StartsWith('>') ? column.RightAligned() : column);
        }

        foreach (var row in rows)
        {
            table.AddRow(row.Select(cell => new Text(cell)));
        }

        if (table.Rows.Count == 0)
        {
            output.WriteLine(nothing);
        }
        else
        {
            Render(table);
        }
    }

    /// <summary>One line per field.</summary>
    public void Card(params IReadOnlyList<(string Name, string? Value)> fields)
    {
        var longest = fields.Max(f => f.Name.Length);
        foreach (var (name, value) in fields)
        {
            output.WriteLine($"{name.PadRight(longest)}  {value ?? "-"}");
        }
    }

    private static Table Plain()
    {
        var table = new Table { Border = TableBorder.None, ShowHeaders = true };
        return table;
    }

    private void Render(Table table)
    {
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = AnsiSupport.No,
            ColorSystem = ColorSystemSupport.NoColors,
            Interactive = InteractionSupport.No,
            Out = new AnsiConsoleOutput(new TrimmedLines(output)),
        });
        console.Profile.Width = width;
        console.Write(table);
    }
}
