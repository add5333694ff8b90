namespace EoOnnx.Training.Peft;

/// <summary>How an encoder is made trainable: which tensors are added or thawed. Everything else stays frozen.</summary>
public abstract record PeftOptions
{
    private protected PeftOptions()
    {
    }

    /// <summary>Modules whose own tensors are trained in full and saved whole, by path or path ending, for example <c>head</c>.</summary>
    public IReadOnlyList<string> ModulesToSave { get; init; } = [];

    /// <summary>Seed of the random initial values (see <see cref="EoOnnx.Formats.RandomTensors"/>).</summary>
    public long Seed { get; init; }

    /// <summary>The methods that this one is made of: itself, unless it combines others.</summary>
    internal virtual IReadOnlyList<PeftOptions> Parts => [this];

    /// <summary>When it is applied among others: 0 changes the tokens, 1 attention, 2 the blocks, 3 single layers, 4 the encoder's own tensors.</summary>
    internal virtual int Stage => 3;

    /// <summary>Adds or thaws tensors in a graph.</summary>
    internal abstract void Apply(PeftGraph graph);

    private protected static double Probability(double value, string name) => value is >= 0 and < 1 ? value
        : throw new ArgumentOutOfRangeException(name, value, "Dropout is a probability from 0 to below 1.");
}

/// <summary>Biases that train beside an adapter.</summary>
public enum BiasTraining
{
    /// <summary>None.</summary>
    None,

    /// <summary>Those of the layers that carry an adapter, saved as <c>….base_layer.bias</c>.</summary>
    AdaptedLayers,

    /// <summary>Every tensor of the encoder whose name contains <c>bias</c>.</summary>
    All,
}
