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
    /// A model whose external data this one shares: tensors that were read from that data file are referenced there and not
    /// written again. The new model must be saved into the same folder.
    /// </summary>
    public bool ShareExternalData { get; init; }

    private const long MaximumInlineLimit = 2_000_000_000;
}
