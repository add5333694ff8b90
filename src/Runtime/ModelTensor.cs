using EoOnnx.Formats;

namespace EoOnnx.Runtime;

/// <summary>An input, output or adapter slot of a model.</summary>
/// <param name="Name">Its name in the graph.</param>
/// <param name="Type">Type of its elements.</param>
/// <param name="Shape">Extents; −1 where the graph leaves one open.</param>
/// <param name="Symbols">Names of the open extents, empty text where an extent is fixed or unnamed.</param>
public sealed record ModelTensor(string Name, ElementType Type, IReadOnlyList<long> Shape, IReadOnlyList<string> Symbols)
{
    /// <summary>For example <c>image [batch, 6, 224, 224]</c>.</summary>
    public override string ToString() =>
        $"{Name} [{string.Join(", ", Shape.Select((extent, axis) => extent >= 0 ? extent.ToString(System.Globalization.CultureInfo.InvariantCulture) : Symbols[axis].Length > 0 ? Symbols[axis] : "?"))}]";
}
