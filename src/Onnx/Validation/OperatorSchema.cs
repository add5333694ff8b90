using System.Globalization;
using EoOnnx.Formats;

namespace EoOnnx.Onnx;

/// <summary>What an operator takes and makes, read from one line of <see cref="OperatorSchemas"/>.</summary>
/// <param name="Domain">Empty for standard ONNX.</param>
/// <param name="OpType">Operator name.</param>
/// <param name="Since">The first opset in which it has this form.</param>
/// <param name="InputKinds">One letter an input.</param>
/// <param name="RequiredInputs">How many must be given.</param>
/// <param name="IsVariadic">Whether the last input may be repeated.</param>
/// <param name="MinimumOutputs">Fewest outputs.</param>
/// <param name="MaximumOutputs">Most outputs.</param>
/// <param name="Attributes">Kind and necessity by name.</param>
internal sealed record OperatorSchema(
    string Domain, string OpType, long Since, string InputKinds, int RequiredInputs, bool IsVariadic, int MinimumOutputs, int MaximumOutputs,
    IReadOnlyDictionary<string, (string Kind, bool Required)> Attributes)
{
    public int MaximumInputs => IsVariadic ? int.MaxValue : InputKinds.Length;

    public static OperatorSchema Parse(string line)
    {
        var words = line.Split(' ');
        var (operation, opset) = words[0].Split('@') is [var name, var since] ? (name, long.Parse(since, CultureInfo.InvariantCulture)) : (words[0], 1);
        var dot = operation.LastIndexOf('.');
        var inputs = words[1] == "-" ? "" : words[1];
        var optional = inputs.IndexOf('?', StringComparison.Ordinal);
        var kinds = inputs.Replace("?", "", StringComparison.Ordinal).Replace("+", "", StringComparison.Ordinal);
        var counts = words[2].TrimEnd('+').Split('-');
        return new OperatorSchema(
            dot < 0 ? "" : operation[..dot], operation[(dot + 1)..], opset, kinds, optional < 0 ? kinds.Length : optional, inputs.EndsWith('+'),
            int.Parse(counts[0], CultureInfo.InvariantCulture), words[2].EndsWith('+') ? int.MaxValue : int.Parse(counts[^1], CultureInfo.InvariantCulture),
            words[3..].Select(word => word.TrimEnd('!').Split(':')).Zip(words[3..], (parts, word) => (parts, word))
                .ToDictionary(item => item.parts[0], item => (item.parts[1], item.word.EndsWith('!')), StringComparer.Ordinal));
    }

    /// <summary>The letter of an input; a repeated last one counts for all that follow.</summary>
    public char KindOf(int input) => char.ToUpperInvariant(InputKinds[Math.Min(input, InputKinds.Length - 1)]);

    /// <summary>Whether an input must be there and not empty.</summary>
    public bool IsRequired(int input) => input < RequiredInputs && !char.IsLower(InputKinds[input]);

    /// <summary>Whether an element type suits a letter of <see cref="InputKinds"/>.</summary>
    public static bool Accepts(char kind, ElementType type) => type == ElementType.Undefined || kind switch
    {
        'F' => type is ElementType.Float or ElementType.Double or ElementType.Float16 or ElementType.BFloat16,
        'N' => type is not (ElementType.Bool or ElementType.String),
        'I' => type is ElementType.Int32 or ElementType.Int64,
        'L' => type is ElementType.Int64,
        'B' => type is ElementType.Bool,
        'Q' => type is ElementType.Int8 or ElementType.UInt8,
        _ => true,
    };

    /// <summary>A letter of <see cref="InputKinds"/> in words.</summary>
    public static string Describe(char kind) => kind switch
    {
        'F' => "a floating-point type",
        'N' => "a number",
        'I' => "Int32 or Int64",
        'L' => "Int64",
        'B' => "Bool",
        'Q' => "Int8 or UInt8",
        _ => "any type",
    };

    /// <summary>The kind of an attribute's content, in the letters of <see cref="Attributes"/>.</summary>
    public static string KindOf(AttributeValue attribute) => attribute.Content switch
    {
        long => "i",
        float => "f",
        string or byte[] => "s",
        TensorData => "t",
        Graph => "g",
        long[] => "is",
        float[] => "fs",
        string[] or byte[][] => "ss",
        TensorData[] => "ts",
        _ => "gs",
    };

    /// <summary>A kind of attribute in words.</summary>
    public static string DescribeAttribute(string kind) => kind switch
    {
        "i" => "an integer",
        "f" => "a float",
        "s" => "a text",
        "t" => "a tensor",
        "g" => "a graph",
        "is" => "a list of integers",
        "fs" => "a list of floats",
        "ss" => "a list of texts",
        "ts" => "a list of tensors",
        _ => "a list of graphs",
    };
}
