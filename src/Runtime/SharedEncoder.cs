using Microsoft.ML.OnnxRuntime;

namespace EoOnnx.Runtime;

/// <summary>
/// A model in two parts, so that maps with several adapters compute what no adapter touches once: the first part gives the same answer for
/// all of them, the second is run with each. Thread-safe; owns two native sessions, with weights of their own.
/// </summary>
public sealed class SharedEncoder : IDisposable
{
    private readonly InferenceSession _before;
    private readonly InferenceSession _after;

    private SharedEncoder(EoModel model, InferenceSession before, InferenceSession after, double share)
    {
        (Model, _before, _after, Share) = (model, before, after, share);
        Crossing = [.. before.OutputNames];
        TakesImages = after.InputNames.Contains(model.Input.Name);
        Slots = after.OverridableInitializerMetadata.Keys.ToHashSet(StringComparer.Ordinal);
    }

    /// <summary>The model that it is made of.</summary>
    public EoModel Model { get; }

    /// <summary>Share of the weights in the first part.</summary>
    public double Share { get; }

    internal IReadOnlyList<string> Crossing { get; }

    /// <summary>The second part takes the image as well.</summary>
    internal bool TakesImages { get; }

    internal IReadOnlySet<string> Slots { get; }

    /// <summary>The only output of the second part.</summary>
    internal string Output => _after.OutputNames[0];

    /// <summary>Loads the parts.</summary>
    /// <param name="model">The model; must outlive it.</param>
    /// <param name="before">The first part, an .onnx file: takes the model's image.</param>
    /// <param name="after">The second part: takes the outputs of the first under their names, and gives the model's output.</param>
    /// <param name="share">Share of the weights in the first part.</param>
    /// <exception cref="ModelException">A part cannot be loaded, or they do not fit together.</exception>
    public static SharedEncoder Load(EoModel model, string before, string after, double share)
    {
        ArgumentNullException.ThrowIfNull(model);
        var first = model.OpenPart(before);
        InferenceSession? second = null;
        try
        {
            second = model.OpenPart(after);
            var unfed = second.InputNames.Except([.. first.OutputNames, model.Input.Name]).ToList();
            return unfed.Count == 0 && first.InputNames.SequenceEqual([model.Input.Name]) && second.OutputNames.Count == 1 ? new SharedEncoder(model, first, second, share)
                : throw new ModelException($"{before} and {after} are no parts of {model.Path}: the first takes {string.Join(", ", first.InputNames)}, the second lacks {string.Join(", ", unfed)} and gives {string.Join(", ", second.OutputNames)}.");
        }
        catch
        {
            first.Dispose();
            second?.Dispose();
            throw;
        }
    }

    /// <summary>Ends both sessions. No run may be in progress.</summary>
    public void Dispose()
    {
        _before.Dispose();
        _after.Dispose();
    }

    internal IDisposableReadOnlyCollection<OrtValue> RunBefore(RunOptions options, OrtValue images) => _before.Run(options, [Model.Input.Name], [images], Crossing);

    internal void RunAfter(RunOptions options, IReadOnlyCollection<string> names, IReadOnlyCollection<OrtValue> inputs, OrtValue output) => _after.Run(options, names, inputs, [Output], [output]);
}
