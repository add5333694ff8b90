using System.Globalization;
using CsvHelper;
using CsvHelper.Configuration;

namespace EoOnnx.Training.Data;

/// <summary>A CSV file with one row a chip: its name in one column, labels in others.</summary>
public sealed class LabelTable
{
    private readonly string _path;
    private readonly string[] _header;
    private readonly int _name;
    private readonly List<string[]> _rows = [];

    private LabelTable(string path, string[] header, int name) => (_path, _header, _name) = (path, header, name);

    /// <summary>Columns without that of the names, in file order.</summary>
    public IReadOnlyList<string> Columns => [.. _header.Where((_, column) => column != _name)];

    /// <summary>Reads a table: comma, semicolon or tab between the columns, the first line names them.</summary>
    /// <param name="path">The file.</param>
    /// <param name="nameColumn">Column of the chips' names; null takes the first.</param>
    /// <exception cref="TrainingDataException">The file is absent, damaged or empty, has another number of fields in a line, or lacks the column.</exception>
    public static LabelTable Read(string path, string? nameColumn = null)
    {
        if (!File.Exists(path))
        {
            throw new TrainingDataException($"There is no label table {path}. Give a CSV file with one row a chip (--label-table).");
        }

        using var reader = new StreamReader(path);
        CsvParser? parser = null;
        try
        {
            parser = new CsvParser(reader, new CsvConfiguration(CultureInfo.InvariantCulture) { DetectDelimiter = true, DetectDelimiterValues = [",", ";", "\t"], TrimOptions = TrimOptions.Trim, MaxFieldSize = 1 << 20 });
            var header = parser.Read() ? parser.Record! : throw new TrainingDataException($"The label table {path} is empty. Its first line names the columns, for example chip,class.");
            var column = nameColumn is null ? 0 : Array.IndexOf(header, nameColumn);
            if (column < 0)
            {
                throw new TrainingDataException($"The label table {path} has no column '{nameColumn}'; it has {string.Join(", ", header)}.");
            }

            var table = new LabelTable(path, header, column);
            while (parser.Read())
            {
                table._rows.Add(parser.Record!.Length == header.Length ? parser.Record : throw new TrainingDataException(
                    $"{path}:{parser.RawRow}: {parser.Record.Length} fields; the first line names {header.Length} columns. Mend the row, or quote a field that holds a separator."));
            }

            return table._rows.Count > 0 ? table : throw new TrainingDataException($"The label table {path} names columns but no chip. Add one row a chip.");
        }
        catch (CsvHelperException failure)
        {
            throw new TrainingDataException($"{path}:{parser?.RawRow ?? 1}: this is no CSV file: {failure.Message.Split('\n')[0].Trim()} Mend the row, or take the file out of the folder.", failure);
        }
        finally
        {
            parser?.Dispose();
        }
    }

    /// <summary>The texts of every column of a table, by the column's name.</summary>
    /// <inheritdoc cref="Read"/>
    internal static IReadOnlyDictionary<string, IReadOnlyList<string>> ColumnsOf(string path)
    {
        var table = Read(path);
        return table._header.Index().DistinctBy(column => column.Item).ToDictionary(column => column.Item, IReadOnlyList<string> (column) => [.. table._rows.Select(row => row[column.Index])], StringComparer.Ordinal);
    }

    /// <summary>One class a chip, by name or by stored value.</summary>
    /// <param name="column">The column; null takes the only one.</param>
    /// <param name="classes">Names and stored values, in order of the class numbers.</param>
    public SceneLabels Classes(string? column, IReadOnlyList<(string Name, int Value)> classes)
    {
        var at = At(column);
        return new SceneLabels
        {
            Classes = classes.Count,
            ByChip = ByChip(row => row[at].Length == 0 ? [float.NaN] : [ClassOf(row, row[at])]),
        };

        float ClassOf(string[] row, string text)
        {
            for (var number = 0; number < classes.Count; number++)
            {
                if (text == classes[number].Name || (int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value) && value == classes[number].Value))
                {
                    return number;
                }
            }

            throw Bad(row, _header[at], text, $"a class ({string.Join(", ", classes.Select(item => $"{item.Name} or {item.Value}"))})");
        }
    }

    /// <summary>Several labels a chip, one column of 0 and 1 each.</summary>
    /// <param name="labels">Names of the columns, in order of the labels.</param>
    public SceneLabels Multilabel(IReadOnlyList<string> labels)
    {
        int[] columns = [.. labels.Select(At)];
        return new SceneLabels
        {
            Width = columns.Length,
            ByChip = ByChip(row => Array.ConvertAll(columns, column => row[column] switch { "0" => 0f, "1" => 1f, var text => throw Bad(row, _header[column], text, "0 or 1") })),
        };
    }

    /// <summary>Values of a chip; an empty field is not labelled.</summary>
    /// <param name="values">Names of the columns; empty takes all.</param>
    public SceneLabels Values(IReadOnlyList<string> values)
    {
        int[] columns = [.. (values.Count > 0 ? values : Columns).Select(At)];
        return new SceneLabels
        {
            Width = columns.Length,
            ByChip = ByChip(row => Array.ConvertAll(columns, column => row[column].Length == 0 ? float.NaN
                : float.TryParse(row[column], NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && float.IsFinite(value) ? value : throw Bad(row, _header[column], row[column], "a number"))),
        };
    }

    private int At(string? column)
    {
        if (column is null)
        {
            return Columns.Count == 1 ? Array.FindIndex(_header, name => name == Columns[0])
                : throw new TrainingDataException($"The label table {_path} has the columns {string.Join(", ", Columns)} besides the names; say which is the label (--label-columns).");
        }

        return Array.IndexOf(_header, column) is var at and >= 0 ? at
            : throw new TrainingDataException($"The label table {_path} has no column '{column}'; it has {string.Join(", ", _header)}.");
    }

    private Dictionary<string, float[]> ByChip(Func<string[], float[]> label)
    {
        var labels = new Dictionary<string, float[]>(StringComparer.Ordinal);
        foreach (var row in _rows)
        {
            if (!labels.TryAdd(row[_name], label(row)))
            {
                throw new TrainingDataException($"The label table {_path} names the chip '{row[_name]}' twice. Keep one row.");
            }
        }

        return labels;
    }

    private TrainingDataException Bad(string[] row, string column, string found, string expected) =>
        new($"The label table {_path} says '{found}' for {column} of '{row[_name]}'; expected {expected}.");
}
