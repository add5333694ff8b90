using System.Text.Json;
using System.Text.Json.Serialization;
using EoOnnx.Training.Trainer;

namespace EoOnnx.Training.Recipes;

/// <summary>Everything that decides on the result of a training run: what is kept in the adapter, and what a resumed run must agree with.</summary>
public sealed record TrainingRecipe
{
    private static readonly JsonSerializerOptions Json = new(TrainingReport.Compact) { Converters = { new JsonStringEnumConverter(JsonNamingPolicy.KebabCaseLower) } };

    /// <summary>The encoder, an <c>.onnx</c> file with a manifest.</summary>
    public required string Model { get; init; }

    /// <summary>The labelled chips.</summary>
    public required DataRecipe Data { get; init; }

    /// <summary>How the encoder is trained.</summary>
    public MethodRecipe Method { get; init; } = new();

    /// <summary>What stands behind the encoder.</summary>
    public DecoderRecipe Decoder { get; init; } = new();

    /// <summary>The objective.</summary>
    public LossRecipe Loss { get; init; } = new();

    /// <summary>The update rule.</summary>
    public OptimizerRecipe Optimizer { get; init; } = new();

    /// <summary>How long and in which portions.</summary>
    public RunRecipe Run { get; init; } = new();

    /// <summary>The recipe as JSON on one line; equal recipes give equal text.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, Json);
}

/// <summary>The labelled chips of a recipe, and what becomes of them.</summary>
public sealed record DataRecipe
{
    /// <summary>Folder of the data set.</summary>
    public required string Folder { get; init; }

    /// <summary>Folder of the labels, when they do not lie below <see cref="Folder"/>.</summary>
    public string? LabelFolder { get; init; }

    /// <summary>Which files are images.</summary>
    public string? Images { get; init; }

    /// <summary>Which files are labels.</summary>
    public string? Labels { get; init; }

    /// <summary>1-based bands in the model's order; null takes all in file order.</summary>
    public IReadOnlyList<int>? Bands { get; init; }

    /// <summary>The classes, in order of the prediction's channels.</summary>
    public required IReadOnlyList<ClassRecipe> Classes { get; init; }

    /// <summary>Label values that mean "not labelled", besides missing ones.</summary>
    public IReadOnlyList<int> Ignored { get; init; } = [-1, 255];

    /// <summary>Share of the chips that is held out, unless <see cref="HoldOut"/> names them.</summary>
    public double ValidationShare
    {
        get;
        init => field = value is > 0 and < 1 ? value : throw new ArgumentOutOfRangeException(nameof(ValidationShare), value, "The share of held-out chips must be over 0 and under 1; 0.2 is usual.");
    } = 0.2;

    /// <summary>Names of the chips that are held out; empty draws a share.</summary>
    public IReadOnlyList<string> HoldOut { get; init; } = [];

    /// <summary>Where mean and deviation of the bands come from.</summary>
    public StatisticsSource Statistics { get; init; }

    /// <summary>Random flips, rotations and crops.</summary>
    public bool Augment { get; init; } = true;
}

/// <summary>A class of a recipe.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Value">Its value in the label files; null is its place in the list, from 0.</param>
public sealed record ClassRecipe(string Name, int? Value = null)
{
    /// <summary>Reads <c>water</c> or <c>water=80</c>.</summary>
    /// <exception cref="ArgumentException">There is no name, or the value is no whole number.</exception>
    public static ClassRecipe Parse(string text)
    {
        var parts = text.Split('=', 2, StringSplitOptions.TrimEntries);
        return parts[0].Length == 0 ? throw new ArgumentException($"The class '{text}' has no name; write water or water=80.", nameof(text))
            : parts.Length == 1 ? new ClassRecipe(parts[0])
            : int.TryParse(parts[1], System.Globalization.NumberStyles.AllowLeadingSign, System.Globalization.CultureInfo.InvariantCulture, out var value) ? new ClassRecipe(parts[0], value)
            : throw new ArgumentException($"The class '{text}' has the label value '{parts[1]}', which is no whole number.", nameof(text));
    }
}

/// <summary>Where mean and deviation of the bands come from.</summary>
public enum StatisticsSource
{
    /// <summary>The model's when it has any, else the training chips'.</summary>
    Auto,

    /// <summary>The model's manifest.</summary>
    Model,

    /// <summary>The training chips.</summary>
    Data,
}

/// <summary>Decoders of a recipe.</summary>
public enum DecoderName
{
    /// <summary>One linear map a token.</summary>
    Linear,

    /// <summary>A small convolutional decoder.</summary>
    Conv,
}

/// <summary>What stands behind the encoder of a recipe.</summary>
public sealed record DecoderRecipe
{
    /// <summary>The decoder.</summary>
    public DecoderName Name { get; init; } = DecoderName.Conv;

    /// <summary>Channels of the convolutional decoder's first stage.</summary>
    public int Channels { get; init; } = 64;

    /// <summary>How often the convolutional decoder doubles the resolution.</summary>
    public int Stages { get; init; } = 2;
}

/// <summary>Class weights of a recipe.</summary>
public enum ClassWeighting
{
    /// <summary>All classes alike.</summary>
    None,

    /// <summary>Inverse to the square root of the frequency.</summary>
    SquareRoot,

    /// <summary>Inverse to the frequency.</summary>
    Balanced,
}

/// <summary>Losses of a recipe.</summary>
public enum LossName
{
    /// <summary>Cross-entropy.</summary>
    Ce,

    /// <summary>Dice.</summary>
    Dice,

    /// <summary>Cross-entropy and Dice, added.</summary>
    CeDice,

    /// <summary>Jaccard.</summary>
    Jaccard,

    /// <summary>Focal.</summary>
    Focal,

    /// <summary>Lovász-softmax.</summary>
    Lovasz,
}

/// <summary>The objective of a recipe.</summary>
public sealed record LossRecipe
{
    /// <summary>The loss.</summary>
    public LossName Name { get; init; }

    /// <summary>How cross-entropy weights the classes.</summary>
    public ClassWeighting ClassWeights { get; init; }
}

/// <summary>Optimizers of a recipe.</summary>
public enum OptimizerName
{
    /// <summary>Adam with decoupled weight decay.</summary>
    Adamw,

    /// <summary>Adam.</summary>
    Adam,

    /// <summary>Stochastic gradient descent.</summary>
    Sgd,
}

/// <summary>Schedules of a recipe.</summary>
public enum ScheduleName
{
    /// <summary>Half a cosine after a linear warm-up.</summary>
    Cosine,

    /// <summary>The rate stays.</summary>
    Constant,

    /// <summary>The rate falls to a tenth after each third of the run.</summary>
    Step,

    /// <summary>The rate falls in a straight line to 0.</summary>
    Linear,

    /// <summary>One rise and one fall, the momentum against it.</summary>
    OneCycle,
}

/// <summary>The update rule of a recipe.</summary>
public sealed record OptimizerRecipe
{
    /// <summary>The rule.</summary>
    public OptimizerName Name { get; init; }

    /// <summary>Learning rate of the encoder and, unless <see cref="HeadLearningRate"/> is set, of decoder and head.</summary>
    public double LearningRate { get; init; } = 1e-3;

    /// <summary>Learning rate of decoder and head; null takes <see cref="LearningRate"/>.</summary>
    public double? HeadLearningRate { get; init; }

    /// <summary>Weight decay; null takes the rule's own default.</summary>
    public double? WeightDecay { get; init; }

    /// <summary>The schedule.</summary>
    public ScheduleName Schedule { get; init; }

    /// <summary>Share of the run in which the cosine schedule warms up.</summary>
    public double WarmUp { get; init; } = 0.05;

    /// <summary>Largest norm of all gradients together; null does not clip.</summary>
    public double? ClipNorm { get; init; }

    /// <summary>Batches whose gradients make one step.</summary>
    public int Accumulation { get; init; } = 1;
}

/// <summary>Length and portions of a recipe's run.</summary>
public sealed record RunRecipe
{
    /// <summary>Passes over the training chips.</summary>
    public int Epochs { get; init; } = 20;

    /// <summary>Samples that go through the model together.</summary>
    public int Batch { get; init; } = 8;

    /// <summary>Seed of initial values, split, shuffling and augmentation.</summary>
    public long Seed { get; init; }

    /// <summary>Threads of one operator; 0 takes the machine's physical cores.</summary>
    public int Threads { get; init; }

    /// <summary>Figure that decides on the best epoch.</summary>
    public BestBy BestBy { get; init; } = BestBy.Score;

    /// <summary>Validations without a better figure after which the run ends; null never ends early.</summary>
    public int? Patience { get; init; }
}
