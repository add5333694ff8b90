using System.Globalization;
using System.Text.Json;
using EoOnnx.Formats;

namespace EoOnnx.Runtime;

/// <summary>The classes of a map: values, names and colours.</summary>
internal sealed class ClassLegend
{
    private const int LargestId = 65_534;

    // Eight colours that people with any colour vision tell apart, after a grey for the background. Source: M. Okabe, K. Ito, Color Universal Design (2008).
    private static readonly (byte Red, byte Green, byte Blue)[] Distinct =
        [(225, 225, 225), (213, 94, 0), (0, 114, 178), (240, 228, 66), (0, 158, 115), (204, 121, 167), (86, 180, 233), (230, 159, 0), (0, 0, 0)];

    private ClassLegend(IReadOnlyList<ManifestClass> classes) => Classes = classes;

    /// <summary>The classes, in order of the output channels.</summary>
    public IReadOnlyList<ManifestClass> Classes { get; }

    /// <summary>Names by map value; empty where a value is no class.</summary>
    public IReadOnlyList<string> Names => ByValue(item => item.Name, "");

    /// <summary>Colours by map value.</summary>
    public IReadOnlyList<(byte Red, byte Green, byte Blue)> Colors => ByValue(item => Color(item), default);

    /// <summary>The classes as JSON: the tag EOONNX_CLASSES, which survives copying the map alone.</summary>
    public string ToJson() => JsonSerializer.Serialize(
        Classes.Select(item => new LegendEntry(item.Id, item.Name, Hexadecimal(Color(item)))), LegendJson.Default.IEnumerableLegendEntry);

    /// <summary>The classes that belong to an output of some channels.</summary>
    /// <exception cref="ModelException">Their number does not fit, or values repeat or are out of range.</exception>
    public static ClassLegend For(ModelManifest manifest, string model, int channels)
    {
        var classes = manifest.Classes;
        // One channel means yes or no; who names only the yes gets a background (as QGIS Deepness does).
        var count = Math.Max(2, channels);
        if (channels == 1 && classes.Count == 1)
        {
            classes = [new ManifestClass(0, "background"), classes[0] with { Id = 1 }];
        }

        if (classes.Count == 0)
        {
            classes = [.. Enumerable.Range(0, count).Select(id => new ManifestClass(id, string.Create(CultureInfo.InvariantCulture, $"class {id}")))];
        }

        if (classes.Count != count)
        {
            throw new ModelException($"{model} has scores for {count} classes; its manifest names {classes.Count} ({string.Join(", ", classes.Take(10).Select(item => item.Name))}). Export it again with the right classes.");
        }

        if (classes.Select(item => item.Id).Distinct().Count() != count || classes.Any(item => item.Id is < 0 or > LargestId))
        {
            throw new ModelException($"The class values of {model} are {string.Join(", ", classes.Take(20).Select(item => item.Id))}; expected different numbers from 0 to {LargestId}.");
        }

        return new ClassLegend(classes);
    }

    private List<T> ByValue<T>(Func<ManifestClass, T> of, T absent)
    {
        var list = Enumerable.Repeat(absent, Classes.Max(item => item.Id) + 1).ToList();
        foreach (var item in Classes)
        {
            list[item.Id] = of(item);
        }

        return list;
    }

    private static (byte Red, byte Green, byte Blue) Color(ManifestClass item) =>
        item.Color is ['#', .. var digits] && digits.Length == 6 && int.TryParse(digits, NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var rgb)
            ? ((byte)(rgb >> 16), (byte)(rgb >> 8), (byte)rgb)
            : item.Id < Distinct.Length ? Distinct[item.Id] : Hue(item.Id * 137.508); // the golden angle keeps neighbours apart

    private static (byte, byte, byte) Hue(double degrees)
    {
        return (Channel(0), Channel(8), Channel(4));

        // HSL to RGB with saturation 0.7 and lightness 0.5; source: CSS Color Module Level 4, section 7.1.
        byte Channel(double shift)
        {
            var k = (shift + (degrees / 30)) % 12;
            return (byte)Math.Round(255 * (0.5 - (0.35 * Math.Max(-1, Math.Min(Math.Min(k - 3, 9 - k), 1)))));
        }
    }

    private static string Hexadecimal((byte Red, byte Green, byte Blue) color) => string.Create(CultureInfo.InvariantCulture, $"#{color.Red:x2}{color.Green:x2}{color.Blue:x2}");
}
