namespace EoOnnx.Onnx;

/// <summary>Where the tensors of a model are written.</summary>
public sealed record OnnxSaveOptions
{
    /// <summary>
    /// Weights go to <c>NAME.onnx.data</c> beside the model when true, into the model when false; null decides by size: beside it
    /// above <see cref="InlineLimit"/>. A file beside the model is mapped, not copied, by every process that runs it.
    /// </summary>
    public bool? ExternalData { get; init; }

    /// <summary>Bytes of weights up to which a model stays one file when <see cref="ExternalData"/> is null: 1 GiB by default; at
    /// most just under 2 GiB, the limit of the file format.</summary>
    public long InlineLimit
    {
        get;
        init => field = value is >= 0 and <= MaximumInlineLimit ? value : throw new ArgumentOutOfRangeException(
            nameof(InlineLimit), value, $"The limit of weights inside a model must lie between 0 and {MaximumInlineLimit} bytes.");
    } = 1L << 30;

    /// <summary>
    /// When true, tensors that were read from (or just written to) an external data file in the folder of the new model, or below
    /// it, are referred to there and not written again: a training graph and its task model share frozen weights this way. A data
    /// file elsewhere, or one that has changed since, is not referred to; its tensors are written anew.
    /// </summary>
    public bool ShareExternalData { get; init; }

    /// <summary>True when weights of that many bytes are written beside the model.</summary>
    public bool IsExternal(long weightBytes) => ExternalData ?? weightBytes > InlineLimit;

    private const long MaximumInlineLimit = 2_000_000_000;
}
