using EoOnnx.Onnx;

namespace EoOnnx.Training.Autodiff;

/// <summary>What the walker did: which nodes of the backward pass belong to which forward node, and the gradient that had arrived by then.</summary>
internal sealed class BackwardTape(int forwardNodes)
{
    private readonly List<(int Start, Value Arrived)> _visits = [];

    /// <summary>Nodes of the graph before the first node of the backward pass.</summary>
    public int ForwardNodes { get; } = forwardNodes;

    /// <summary>From node number <paramref name="start"/> on, nodes are made after <paramref name="arrived"/> was known.</summary>
    public void Add(int start, Value arrived) => _visits.Add((start, arrived));

    /// <summary>A gradient that is known before backward node number <paramref name="node"/> runs.</summary>
    public Value ArrivedBefore(int node)
    {
        var (low, high) = (0, _visits.Count - 1);
        while (low < high)
        {
            var middle = (low + high + 1) / 2;
            (low, high) = _visits[middle].Start <= node ? (middle, high) : (low, middle - 1);
        }

        return _visits[low].Arrived;
    }
}
