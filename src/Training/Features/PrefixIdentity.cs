using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using EoOnnx.Formats;
using EoOnnx.Onnx;

namespace EoOnnx.Training.Features;

/// <summary>The identity of a graph: operators, attributes, connections and the bytes of every constant; names do not count.</summary>
internal sealed class PrefixIdentity : IDisposable
{
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly Dictionary<Value, int> _numbers = [];

    private PrefixIdentity()
    {
    }

    /// <summary>SHA-256 in lower-case hexadecimal.</summary>
    /// <param name="model">A sorted model without bodies (If, Loop, Scan).</param>
    /// <param name="further">What else the identity covers, such as the runtime that computes the graph.</param>
    public static string Of(OnnxModel model, params ReadOnlySpan<string> further)
    {
        using var identity = new PrefixIdentity();
        foreach (var text in further)
        {
            identity.Add(text);
        }

        identity.Add(model.Graph);
        return Convert.ToHexStringLower(identity._hash.GetHashAndReset());
    }

    public void Dispose() => _hash.Dispose();

    private void Add(Graph graph)
    {
        foreach (var input in graph.Inputs)
        {
            Add($"input {Number(input)} {input.Type}{input.Shape}");
        }

        foreach (var node in graph.Nodes)
        {
            Add($"node {node.Domain}.{node.OpType}");
            foreach (var (name, attribute) in node.Attributes)
            {
                Add(name);
                Add(attribute);
            }

            foreach (var input in node.Inputs)
            {
                var known = input is null || _numbers.ContainsKey(input);
                Add($"reads {(input is null ? -1 : Number(input))}");
                if (!known && input!.Data is { } data)
                {
                    Add(data);
                }
            }

            Add($"makes {string.Join(',', node.Outputs.Select(output => output is null ? -1 : Number(output)))}");
        }

        Add($"gives {string.Join(',', graph.Outputs.Select(Number))}");
    }

    private int Number(Value value)
    {
        if (!_numbers.TryGetValue(value, out var number))
        {
            _numbers.Add(value, number = _numbers.Count);
        }

        return number;
    }

    private void Add(AttributeValue attribute)
    {
        switch (attribute.Content)
        {
            case TensorData one:
                Add(one);
                break;
            case TensorData[] many:
                Array.ForEach(many, Add);
                break;
            case byte[] bytes:
                Add(Convert.ToHexString(bytes));
                break;
            case byte[][] texts:
                Array.ForEach(texts, text => Add(Convert.ToHexString(text)));
                break;
            case Array list:
                Add(string.Join('\n', list.Cast<object>().Select(Text)));
                break;
            default:
                Add(Text(attribute.Content));
                break;
        }
    }

    private static string Text(object content) => $"{content.GetType().Name} {Convert.ToString(content, CultureInfo.InvariantCulture)}";

    private void Add(TensorData data)
    {
        Add($"{data.Type} [{string.Join(", ", data.Shape)}]");
        data.Use(bytes =>
        {
            _hash.AppendData(bytes.Span);
            MappedFile.ReleasePages(bytes);
        });
    }

    private void Add(string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        Span<byte> length = stackalloc byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(length, bytes.Length);
        _hash.AppendData(length);
        _hash.AppendData(bytes);
    }
}
