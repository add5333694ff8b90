namespace EoOnnx.Runtime;

/// <summary>How a model is loaded.</summary>
public sealed record EoModelOptions
{
    /// <summary>Where the model runs.</summary>
    public Device Device { get; init; } = Device.Auto;

    /// <summary>Threads of one operator; 0 takes the physical cores that the process may use.</summary>
    public int Threads { get; init => field = value is >= 0 and <= 1024 ? value
        : throw new ArgumentOutOfRangeException(nameof(Threads), value, "Threads must be 0 (all physical cores) to 1024."); }

    /// <summary>Threads wait for work by spinning: fastest for a model that is never idle, wasteful beside other work.</summary>
    public bool Spinning { get; init; } = true;

    /// <summary>Take a model without any metadata for one that was made for QGIS Deepness, too: values are divided by 255, scores are
    /// probabilities, and a smaller output is the middle of the tile.</summary>
    public bool Deepness { get; init; }

    /// <summary>With <see cref="Deepness"/>: the kind of a model whose file names none, which users of the plugin choose from its list of
    /// model types; null takes what the shape of the output suggests. A file that names another kind is refused.</summary>
    public DeepnessKind? DeepnessKind { get; init; }

    /// <summary>Keep a packed copy of the weights beside the file's own: about a tenth faster, twice the memory of the weights.</summary>
    public bool PackWeights { get; init; } = true;
}
