using System.Globalization;
using EoOnnx.Raster;
using EoOnnx.Training.Data;

namespace EoOnnx.Training.Recipes.Start;

/// <summary>What the label files of a data set hold.</summary>
internal static class LabelLook
{
    private const int MostClasses = 256, MostShown = 40;
    private static readonly int[] Unlabelled = [-1, 255];
    private static readonly double[] Marks = [-1, -9999, 9999, -32768, 255, 65535];

    /// <summary>Classes of a segmentation, or the ignored values of a regression.</summary>
    /// <exception cref="TrainingDataException">The labels of a segmentation are no classes.</exception>
    public static (DataRecipe Data, bool Unbalanced, string Found) Of(DataRecipe data, TaskName task, RasterChipSource source, SortedDictionary<string, string> remarks, CancellationToken cancellation)
    {
        var counts = Count(source, out var missing, cancellation);
        return task == TaskName.Regression ? Values(data, source, counts, missing, remarks) : Classes(data, source, counts, missing, remarks);
    }

    private static (DataRecipe, bool, string) Classes(DataRecipe data, RasterChipSource source, SortedDictionary<double, long> counts, long missing, SortedDictionary<string, string> remarks)
    {
        if (counts.Count > MostClasses || counts.Keys.Any(value => value != Math.Floor(value) || Math.Abs(value) > int.MaxValue))
        {
            throw new TrainingDataException($"The labels hold over {Math.Min(counts.Count, MostClasses)} values or fractions such as {counts.Keys.FirstOrDefault(value => value != Math.Floor(value)).ToString(CultureInfo.InvariantCulture)}; these are measured values: use --task regression.");
        }

        var (total, values) = (Math.Max(1, counts.Values.Sum()), counts.Keys.Select(value => (int)value).ToList());
        var ignored = values.Where(value => value < 0 || (Unlabelled.Contains(value) && !values.Contains(value - 1))).ToList();
        var classes = values.Except(ignored).ToList();
        if (classes.Count < 2)
        {
            throw new TrainingDataException($"The labels hold {(classes.Count == 0 ? "no class" : $"one class only ({classes[0]})")}; a segmentation needs at least two. Are {source.Files[0].Label} and its neighbours the label files?");
        }

        var names = Names(source);
        remarks["data.classes"] = $"Values in the label files: {string.Join(", ", counts.Take(MostShown).Select(item => string.Create(CultureInfo.InvariantCulture, $"{item.Key} {item.Value} pixels ({100.0 * item.Value / total:F2} %)")))}"
            + $"{(missing > 0 ? FormattableString.Invariant($", and {missing} pixels that the files mark as missing") : "")}. {(names.Count > 0 ? "Names are those of the files." : "The files have no names for them: write your own.")}";
        var shares = classes.ConvertAll(value => (double)counts[value] / total);
        if (ignored.Any(value => value is not (-1 or 255)))
        {
            remarks["data.ignored"] = "Negative values are no classes.";
        }

        return (data with
        {
            Classes = [.. classes.Select((value, index) => new ClassRecipe(
                (names.ElementAtOrDefault(value) is { Length: > 0 } name ? name : FormattableString.Invariant($"class {value}")).Replace('=', ' '), value == index ? null : value))],
            Ignored = ignored.Any(value => value is not (-1 or 255)) ? ignored : null,
        }, shares.Min() < 0.1, $"{classes.Count} classes");
    }

    private static (DataRecipe, bool, string) Values(DataRecipe data, RasterChipSource source, SortedDictionary<double, long> counts, long missing, SortedDictionary<string, string> remarks)
    {
        // A mark of "not labelled" stands at one end and far from all other values.
        var (smallest, largest) = (counts.Keys.FirstOrDefault(), counts.Keys.LastOrDefault());
        var (inner, outer) = (counts.Keys.Skip(1).FirstOrDefault(), counts.Keys.Reverse().Skip(1).FirstOrDefault());
        var marks = new[] { smallest < 0 && inner >= 0 && Marks.Contains(smallest) ? smallest : (double?)null, largest > 2 * Math.Max(1, outer) && Marks.Contains(largest) ? largest : null }.OfType<double>().Select(value => (int)value).ToList();
        var labelled = counts.Keys.Where(value => !marks.Contains((int)value)).ToList();
        if (labelled.Count < 2)
        {
            throw new TrainingDataException($"The labels hold {labelled.Count} value; a regression needs at least two. Are {source.Files[0].Label} and its neighbours the label files?");
        }

        if (marks.Count > 0)
        {
            remarks["data.ignored"] = $"{string.Join(" and ", marks)} stands far from all other values, so it seems to mean 'not labelled'.";
        }

        var range = string.Create(CultureInfo.InvariantCulture, $"values from {labelled[0]:G6} to {labelled[^1]:G6}");
        remarks["loss.standardizeTarget"] = $"Labels hold {range}{(missing > 0 ? FormattableString.Invariant($" and {missing} missing pixels") : "")}; the model learns them standardised and predicts them in their own unit.";
        return (data with { Ignored = marks.Count > 0 ? marks : null }, false, range);
    }

    /// <summary>Pixels of each value; for values that are no classes their rounded ones, at most a few thousand.</summary>
    private static SortedDictionary<double, long> Count(RasterChipSource source, out long missing, CancellationToken cancellation)
    {
        const int side = 512, mostValues = 4096;
        var (counts, labels) = (new SortedDictionary<double, long>(), new float[side * side]);
        missing = 0;
        foreach (var tile in SampleIndex.Tiles(source, Enumerable.Range(0, source.Chips.Count), side))
        {
            cancellation.ThrowIfCancellationRequested();
            var part = labels.AsSpan(0, (int)tile.Counted.Area);
            source.ReadLabels(tile.Chip, tile.Counted, part);
            var (previous, run) = (double.NaN, 0L);
            foreach (var label in part)
            {
                if (label != previous)
                {
                    Add(previous, run);
                    (previous, run) = (label, 0);
                }

                _ = float.IsNaN(label) ? missing++ : run++;
            }

            Add(previous, run);
        }

        return counts;

        void Add(double value, long pixels)
        {
            if (pixels > 0 && (counts.Count < mostValues || counts.ContainsKey(value) || value < counts.First().Key || value > counts.Last().Key))
            {
                counts[value] = counts.GetValueOrDefault(value) + pixels;
            }
        }
    }

    private static IReadOnlyList<string> Names(RasterChipSource source)
    {
        using var first = ChipRaster.Open(source.Files[0].Label!, labels: true);
        return first.CategoryNames;
    }
}
