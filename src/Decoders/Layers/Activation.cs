using EoOnnx.Onnx;

namespace EoOnnx.Decoders.Layers;

/// <summary>An activation function in its default form, under the name of its class in <c>torch.nn</c>.</summary>
public sealed record Activation
{
    private static readonly Dictionary<string, Func<GraphBuilder, Value, Value>> Known = new(StringComparer.Ordinal)
    {
        ["Identity"] = (_, x) => x,
        ["ReLU"] = (op, x) => op.Relu(x),
        ["LeakyReLU"] = (op, x) => op.Node("LeakyRelu", [x], ("alpha", 0.01f)),
        ["ELU"] = (op, x) => op.Node("Elu", [x], ("alpha", 1f)),
        ["GELU"] = (op, x) => op.Gelu(x),
        ["SiLU"] = (op, x) => op.Silu(x),
        ["Sigmoid"] = (op, x) => op.Sigmoid(x),
        ["Tanh"] = (op, x) => op.Tanh(x),
        ["Softplus"] = (op, x) => op.Softplus(x),
    };

    private Activation(string name) => Name = name;

    /// <summary>Name of the class.</summary>
    public string Name { get; }

    /// <summary>max(x, 0).</summary>
    public static Activation Relu { get; } = new("ReLU");

    /// <summary>The function of that name, with or without <c>torch.nn.</c> in front.</summary>
    /// <exception cref="DecoderException">It is not known; the message lists those that are.</exception>
    public static Activation Parse(string name)
    {
        var word = name[(name.LastIndexOf('.') + 1)..];
        return Known.ContainsKey(word) && (word == name || name.StartsWith("torch.nn.", StringComparison.Ordinal)) ? new Activation(word)
            : throw new DecoderException($"The activation '{name}' is not supported; supported are {string.Join(", ", Known.Keys.Order(StringComparer.Ordinal))}, with or without torch.nn. in front.");
    }

    internal Value Apply(GraphBuilder op, Value x) => Known[Name](op, x);
}
