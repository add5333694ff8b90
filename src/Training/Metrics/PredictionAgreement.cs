namespace EoOnnx.Training.Metrics;

/// <summary>Predicted numbers beside true ones, in groups of like predictions: of a calibrated model both means of a group are equal.</summary>
internal sealed class PredictionAgreement
{
    private const int Groups = 10;

    private readonly List<(float Predicted, float True)> _pairs = [];

    /// <summary>How many pairs there are.</summary>
    public int Count => _pairs.Count;

    /// <summary>Adds a prediction.</summary>
    /// <param name="predicted">A value, or the probability of a label.</param>
    /// <param name="truth">The true value; 1 for a label that applies, else 0.</param>
    public void Add(float predicted, float truth) => _pairs.Add((predicted, truth));

    /// <summary>Means of up to ten groups of about equal size, by rising prediction.</summary>
    public IReadOnlyList<(double Predicted, double True)> Means()
    {
        var sorted = _pairs.Order().ToList();
        return [.. Enumerable.Range(0, Groups).Select(group => sorted[(int)((long)group * sorted.Count / Groups)..(int)((group + 1L) * sorted.Count / Groups)]).Where(part => part.Count > 0)
            .Select(part => (part.Average(pair => (double)pair.Predicted), part.Average(pair => (double)pair.True)))];
    }
}
