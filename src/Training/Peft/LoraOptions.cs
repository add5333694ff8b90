using System.Globalization;
using System.Text.RegularExpressions;

namespace EoOnnx.Training.Peft;

/// <summary>How the matrices of a LoRA adapter start.</summary>
public enum LoraInitialization
{
    /// <summary>A ~ U(−1/√in, 1/√in), B = 0: the adapter changes nothing at first.</summary>
    Default,

    /// <summary>A ~ N(0, (1/r)²), B = 0.</summary>
    Gaussian,

    /// <summary>A as in <see cref="Default"/>, B ~ U(−1/√r, 1/√r): no identity start.</summary>
    RandomB,
}

/// <summary>
/// Low-rank adaptation (Hu et al. 2021): y = xWᵀ + b + s·xAᵀBᵀ with A [r, in], B [out, r] and s = alpha / r. Names, orientation and
/// defaults are those of PEFT; a fused qkv projection can be adapted as a whole or in its parts.
/// </summary>
public sealed record LoraOptions : PeftOptions
{
    private static readonly TimeSpan RegexLimit = TimeSpan.FromSeconds(1);

    /// <summary>Which linear layers and convolutions: see <see cref="TargetPattern"/>, for example <c>attn.qkv:q,v</c>, <c>mlp.fc1</c>,
    /// <c>patch_embed.proj</c> or <c>all-linear</c>.</summary>
    public required IReadOnlyList<string> Targets
    {
        get;
        init => field = value.Count > 0 ? value : throw new ArgumentException("LoRA needs at least one target; attn.qkv:q,v is usual.", nameof(Targets));
    }

    /// <summary>Layers to leave out although a target hits them; the same syntax.</summary>
    public IReadOnlyList<string> Exclude { get; init; } = [];

    /// <summary>Indices of the blocks to adapt (the first number in a layer's path); empty for all.</summary>
    public IReadOnlyList<int> Layers { get; init; } = [];

    /// <summary>Rank of the update B·A. The adapter's size grows linearly with it.</summary>
    public int Rank
    {
        get;
        init => field = value > 0 ? value : throw new ArgumentOutOfRangeException(nameof(Rank), value, "LoRA rank must be at least 1; 4 to 16 is usual.");
    } = 8;

    /// <summary>Alpha: the update is scaled by alpha / rank.</summary>
    public double Alpha
    {
        get;
        init => field = value > 0 ? value : throw new ArgumentOutOfRangeException(nameof(Alpha), value, "LoRA alpha must be above 0; once or twice the rank is usual.");
    } = 8;

    /// <summary>Scales by alpha / √rank instead (rsLoRA), which keeps large ranks stable.</summary>
    public bool RankStabilized { get; init; }

    /// <summary>Learns the length of each output's weight apart from its direction (DoRA).</summary>
    public bool Dora { get; init; }

    /// <summary>Gives B a bias, scaled like B.</summary>
    public bool LoraBias { get; init; }

    /// <summary>Probability that an element of the layer's input is dropped on its way to A, in training. Each part of a fused projection draws a mask of its own, as PEFT's separate modules do.</summary>
    public double Dropout { get; init => field = Probability(value, nameof(Dropout)); }

    /// <summary>How A and B start.</summary>
    public LoraInitialization Initialization { get; init; }

    /// <summary>Biases that train along.</summary>
    public BiasTraining Bias { get; init; }

    /// <summary>Other ranks by path: a regular expression that must match the end of the path; the first that matches wins.</summary>
    public IReadOnlyDictionary<string, int> RankPattern { get; init; } = new Dictionary<string, int>();

    /// <summary>Other alphas by path, as <see cref="RankPattern"/>.</summary>
    public IReadOnlyDictionary<string, double> AlphaPattern { get; init; } = new Dictionary<string, double>();

    /// <summary>Last word of the path of fused query-key-value projections.</summary>
    public string FusedProjectionName { get; init; } = "qkv";

    /// <summary>Rank at a path.</summary>
    internal int RankAt(string path) => RankPattern.Where(entry => Matches(entry.Key, path)).Select(entry => (int?)entry.Value).FirstOrDefault() ?? Rank;

    /// <summary>Scaling at a path.</summary>
    internal double ScaleAt(string path)
    {
        var alpha = AlphaPattern.Where(entry => Matches(entry.Key, path)).Select(entry => (double?)entry.Value).FirstOrDefault() ?? Alpha;
        return alpha / (RankStabilized ? Math.Sqrt(RankAt(path)) : RankAt(path));
    }

    /// <summary>True when the first number between the dots of a path is among <see cref="Layers"/>.</summary>
    internal bool InChosenLayer(string path) => Layers.Count == 0 || path.Split('.')
        .Select(word => int.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out var index) ? (int?)index : null)
        .FirstOrDefault(index => index is not null) is { } layer && Layers.Contains(layer);

    internal override void Apply(PeftGraph graph) => LoraInjection.Apply(graph, this);

    private static bool Matches(string pattern, string path) =>
        Regex.IsMatch(path, $@"(.*\.)?({pattern})$", RegexOptions.CultureInvariant, RegexLimit);
}
