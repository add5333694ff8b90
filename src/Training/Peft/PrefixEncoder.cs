using EoOnnx.Formats;
using EoOnnx.Onnx;

namespace EoOnnx.Training.Peft;

/// <summary>
/// The network that makes all prefixes while they are trained: table [p, d] → Linear(d, m) → tanh → Linear(m, 2·L·d). Columns 2·i·d to
/// (2·i + 1)·d of a row are a key of block i, the next d a value. Names are those of PEFT's PrefixEncoder.
/// </summary>
/// <param name="attentions">Paths of the attentions, in order.</param>
/// <param name="length">Number p of prefixes.</param>
/// <param name="width">Width d of the tokens.</param>
/// <param name="hidden">Width m of the hidden layer.</param>
internal sealed class PrefixEncoder(IReadOnlyList<string> attentions, int length, int width, int hidden)
{
    private const string Table = "prefix_encoder.embedding.weight", FirstWeight = "prefix_encoder.transform.0.weight", FirstBias = "prefix_encoder.transform.0.bias",
        SecondWeight = "prefix_encoder.transform.2.weight", SecondBias = "prefix_encoder.transform.2.bias";

    private const double TableDeviation = 0.02;

    private int Columns => checked(2 * attentions.Count * width);

    /// <summary>Names of the tensors that are trained in place of the prefixes.</summary>
    public static IReadOnlyList<string> Names { get; } = [Table, FirstWeight, FirstBias, SecondWeight, SecondBias];

    /// <summary>Untrained values: table N(0, 0.02²), linear layers U(−1/√in, 1/√in).</summary>
    public IReadOnlyDictionary<string, TensorData> Initial(long seed) => new Dictionary<string, TensorData>(StringComparer.Ordinal)
    {
        [Table] = RandomTensors.Normal(seed, Table, [length, width], TableDeviation),
        [FirstWeight] = RandomTensors.Uniform(seed, FirstWeight, [hidden, width], 1 / Math.Sqrt(width)),
        [FirstBias] = RandomTensors.Uniform(seed, FirstBias, [hidden], 1 / Math.Sqrt(width)),
        [SecondWeight] = RandomTensors.Uniform(seed, SecondWeight, [Columns, hidden], 1 / Math.Sqrt(hidden)),
        [SecondBias] = RandomTensors.Uniform(seed, SecondBias, [Columns], 1 / Math.Sqrt(hidden)),
    };

    /// <summary>Builds the network with trainable tensors; returns the prefixes by name.</summary>
    public Dictionary<string, Value> Build(PeftGraph graph)
    {
        var op = graph.Op;
        using var scope = op.Scope("prefix_encoder");
        var tensors = Initial(graph.Seed).ToDictionary(item => item.Key, item => graph.Add(item.Key, item.Value));
        var inner = op.Tanh(op.Linear(tensors[Table], op.Transpose(tensors[FirstWeight], 1, 0), tensors[FirstBias]));
        var all = op.Linear(inner, op.Transpose(tensors[SecondWeight], 1, 0), tensors[SecondBias]);
        return Places().ToDictionary(place => place.Name, place => op.Slice(all, 1, place.Start, place.Start + width));
    }

    /// <summary>The prefixes [p, d] by name that trained tensors give.</summary>
    public Dictionary<string, TensorData> Expand(IReadOnlyDictionary<string, TensorData> tensors)
    {
        var inner = Linear(Array.ConvertAll(tensors[Table].ToSingles(), value => (double)value), width, tensors[FirstWeight], tensors[FirstBias]);
        var all = Linear(Array.ConvertAll(inner, Math.Tanh), hidden, tensors[SecondWeight], tensors[SecondBias]);
        return Places().ToDictionary(place => place.Name, place => TensorData.FromValues<float>([length, width],
            [.. Enumerable.Range(0, length * width).Select(i => (float)all[(i / width * Columns) + place.Start + (i % width)])]));
    }

    private IEnumerable<(string Name, int Start)> Places() => attentions.SelectMany((path, block) => new[]
    {
        ($"{path}.{PrefixOptions.KeyName}", 2 * block * width), ($"{path}.{PrefixOptions.ValueName}", ((2 * block) + 1) * width),
    });

    /// <summary>x·Wᵀ + b in double precision, x [p, in] and W [out, in].</summary>
    private double[] Linear(double[] x, int inputs, TensorData weight, TensorData bias)
    {
        var (w, b) = (weight.ToSingles(), bias.ToSingles());
        var result = new double[length * b.Length];
        for (var i = 0; i < result.Length; i++)
        {
            var (row, column) = (i / b.Length, i % b.Length);
            double sum = b[column];
            for (var k = 0; k < inputs; k++)
            {
                sum += x[(row * inputs) + k] * w[(column * inputs) + k];
            }

            result[i] = sum;
        }

        return result;
    }
}
